"""A service of the agent, as the document that the library judges."""

import re
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple

#: The sections that the library reads.
GROUPS = ("expose", "vhost", "route", "hashpolicy", "certificate", "ip")

#: What the agent takes for a reference.
REFERENCE = re.compile(r"{(\w*[\w#][\w.\[\]:/]*)}")

#: What it reads of an ip section, which is not its own: the exposes, and whether it is in a container.
OF_AN_IP = {"expose", "type", "encap", "tags"}


def is_concerned(cd: Mapping[str, Any]) -> bool:
    """Whether a configuration exposes anything, or declares something to expose."""
    return any(_group(section) in GROUPS[:-1] for section in cd)


def evaluated(svc: Any, keywords: Mapping[str, Set[str]]) -> List[Tuple[Dict[str, Any], List[Optional[str]]]]:
    """The documents of a service, each with the nodes that it is the same on.

    A keyword can be scoped to a node and a reference can differ from node to node, so the
    configuration is evaluated as each of the service's nodes would. `keywords` are the names, by
    group, that a section can inherit from `DEFAULT`.
    """
    nodes = list(svc.ordered_nodes) + [n for n in svc.ordered_drpnodes if n not in svc.ordered_nodes]
    if not nodes or not _depends_on_node(svc.cd):
        nodes = nodes[:1] or [None]
    documents = []  # type: List[Tuple[Dict[str, Any], List[Optional[str]]]]
    for node in nodes:
        sections, literal = _sections(svc, node, keywords)
        document = {"path": _path(svc), "sections": sections, "evaluated": literal}
        for known, its_nodes in documents:
            if known == document:
                its_nodes.append(node)
                break
        else:
            documents.append((document, [node]))
    return documents


def _path(svc: Any) -> str:
    """The service's path; a scaler's slave is judged under its scaler's name."""
    if not getattr(svc, "scaler_slave", False) or "." not in svc.name:
        return str(svc.path)
    head, slash, name = str(svc.path).rpartition("/")
    return head + slash + name.split(".", 1)[1]


def _group(section: str) -> str:
    return section.split("#", 1)[0]


def _depends_on_node(cd: Mapping[str, Any]) -> bool:
    """Whether any keyword is scoped, or refers to something that a node could define otherwise."""
    return any(
        "@" in keyword or (isinstance(value, str) and _is_dynamic(value))
        for section in cd.values()
        for keyword, value in section.items()
    )


def _sections(
    svc: Any, node: Optional[str], keywords: Mapping[str, Set[str]]
) -> Tuple[Dict[str, Dict[str, str]], Dict[str, List[str]]]:
    """The sections as a node has them, and the keywords in which braces are left that stand for themselves."""
    defaults = set(_name(option) for option in svc.cd.get("DEFAULT", {}))
    sections = {}  # type: Dict[str, Dict[str, str]]
    literal = {}  # type: Dict[str, List[str]]
    for section, options in svc.cd.items():
        group = _group(section)
        if group not in GROUPS or "#" not in section:
            continue
        names = set(_name(option) for option in options) - {"comment"}
        if group == "ip":
            names = (names | defaults) & OF_AN_IP
        else:
            names |= defaults & keywords.get(group, set())
        sections[section] = {}
        for name in sorted(names):
            text, is_literal = _value(svc, section, name, node)
            if text is not None:
                sections[section][name] = text
            if is_literal:
                literal.setdefault(section, []).append(name)
    return sections, literal


def _name(option: str) -> str:
    return option.split("@", 1)[0]


def _value(svc: Any, section: str, name: str, node: Optional[str]) -> Tuple[Optional[str], bool]:
    """The keyword's text on a node: dereferenced where that can be done today, raw where not.

    Also whether references are left in it that the agent knows nowhere: those to another section may
    only be unknown on this node.
    """
    try:
        text = svc.conf_get_val_scoped(section, name, impersonate=node, default_keyword=name)
    except Exception:  # not set on this node
        return None, False
    is_literal = False
    if isinstance(text, str) and _is_dynamic(text):
        try:
            evaluated = svc.conf_get(section, name, t="string", impersonate=node, verbose=False)
        except Exception:  # a reference that nothing resolves yet
            evaluated = None
        if evaluated is not None:
            text = str(evaluated)
            left = REFERENCE.findall(text)
            is_literal = bool(left) and not any("." in reference for reference in left)
    return text if isinstance(text, str) else str(text), is_literal


def _is_dynamic(text: str) -> bool:
    """Whether the agent would look for a reference or an expression in a text."""
    return "{" in text or "$(" in text
