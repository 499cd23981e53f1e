"""The verdict on a whole configuration, as a part of the agent's own validation.

`ExtConfigMixin._validate_config` is where `set`, `unset`, `delete --rid`, `create`, `deploy`, `edit
config`, `validate config` and the installation of a peer's configuration meet; it is wrapped. It
runs for scalers and disabled services too, whose resources the agent does not build.
"""
import functools
import os
import sys
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from .. import Diagnostic, Facts, validate
from .._library import LibraryError, library
from . import cluster, declare, document

#: What was said already about validation that does not happen.
_complained = []  # type: List[str]


def close() -> None:
    """Wraps the agent's validation, once, and joins the one under way, if any.

    The agent imports drivers lazily, so the first import of a process often happens inside the very
    validation that should have been wrapped.
    """
    from core.extconfig import ExtConfigMixin

    stock = ExtConfigMixin._validate_config
    if hasattr(stock, "igw_envoy"):
        return
    ExtConfigMixin._validate_config = _wrapped(stock)
    _join(stock.__code__)


def _join(code: Any) -> None:
    """Adds the verdict to a validation that has begun without it: the call that runs `code`, if any.

    It builds the candidate's resources first, inside `counts["errors"] += …`, where a count added would
    be lost. So a verdict that is due there waits for the next step, which loads every section's driver.
    """
    frame, building = sys._getframe(), False  # type: Any, bool
    while frame is not None and frame.f_code is not code:
        building = building or frame.f_code.co_name == "init_resources"
        frame = frame.f_back
    if frame is None:
        return
    svc, cd, path, counts = (frame.f_locals[name] for name in ("self", "cd", "path", "ret"))
    if not _is_concerned(svc, cd):
        return
    is_received = _is_received(path)
    if not building:
        return judge(svc, cd, counts, is_received)

    def load_driver(*arguments: Any) -> Any:
        del svc.load_driver
        judge(svc, cd, counts, is_received)
        return svc.load_driver(*arguments)

    svc.load_driver = load_driver


def complain(message: str, log: Any = None) -> None:
    """Says that nothing is validated, once in the life of a process."""
    if _complained:
        return
    _complained.append(message)
    if log is None:
        import logging

        log = logging.getLogger("igw_envoy")
    log.warning("%s", message)


def judge(svc: Any, cd: Any, counts: Dict[str, int], is_received: bool = False) -> None:
    """Judges a candidate configuration: logs what is wrong and adds to the agent's counts.

    What is wrong in a configuration received from a peer is logged, and not counted as an error. Its
    own node has accepted it, perhaps because the mistake is an old one there; refused here, it would
    leave two nodes with different configurations, and the daemon asking for it again and again.
    """
    try:
        candidate = type(svc)(svc.name, namespace=svc.namespace, cd=cd, node=svc.node, volatile=True)
        facts = cluster.facts()
        found = diagnostics(candidate, facts)
        has_errors = any(d.severity == "error" for d in found)
        known = _stored(svc, cd, facts) if has_errors and not is_received else set()
        for diagnostic in found:
            is_new = not is_received and _key(diagnostic) not in known
            if diagnostic.severity == "error" and is_new:
                counts["errors"] += 1
                svc.log.error("%s", line(diagnostic))
            elif diagnostic.severity != "info":
                counts["warnings"] += 1
                svc.log.warning("%s", line(diagnostic))
    except Exception as error:  # a mistake here must not refuse a configuration
        complain("igw-envoy could not validate: %r" % error, svc.log)


def diagnostics(svc: Any, facts: Optional[Facts] = None) -> List[Diagnostic]:
    """Everything there is to say about a service's configuration, on any of its nodes."""
    documents = document.evaluated(svc, _inheritable())
    found = {}  # type: Dict[Diagnostic, List[Optional[str]]]
    for doc, nodes in documents:
        for diagnostic in validate(doc, facts).diagnostics:
            found.setdefault(diagnostic, []).extend(nodes)
    everywhere = sum(len(nodes) for _, nodes in documents)
    return [
        d if len(nodes) == everywhere else d._replace(message="on %s: %s" % (", ".join(str(node) for node in nodes), d.message))
        for d, nodes in found.items()
    ]


def line(diagnostic: Diagnostic) -> str:
    """A diagnostic in the style of the agent's own validation errors."""
    return "option %s" % str(diagnostic) if diagnostic.keyword else str(diagnostic)


@functools.lru_cache(maxsize=None)
def _inheritable() -> Dict[str, Set[str]]:
    names = {}  # type: Dict[str, Set[str]]
    for entry in declare.table():
        names.setdefault(entry["section"], {"type"}).add(entry["name"])
    return names


def _stored(svc: Any, cd: Any, facts: Optional[Facts]) -> Set[Tuple[Any, ...]]:
    """What is wrong already in the stored configuration: `set` did not break it, so `set` may pass.

    Nothing, where the candidate is the stored configuration itself, as in `validate config`.
    """
    if not os.path.exists(svc.paths.cf):
        return set()
    stored = type(svc)(svc.name, namespace=svc.namespace, node=svc.node, volatile=True)
    if stored.cd == cd:
        return set()
    return set(_key(d) for d in diagnostics(stored, facts) if d.severity == "error")


def _key(diagnostic: Diagnostic) -> Tuple[Any, ...]:
    return diagnostic[1:5]


def _wrapped(stock: Callable[..., Dict[str, int]]) -> Callable[..., Dict[str, int]]:
    @functools.wraps(stock)
    def _validate_config(self: Any, cd: Any = None, path: Optional[str] = None) -> Dict[str, int]:
        if path:
            candidate = self.parse_config_file(path)
        else:
            candidate = cd or getattr(self, "private_cd", None) or self.cd
        concerned = _is_concerned(self, candidate)
        counts = stock(self, cd=cd, path=path)
        if concerned:
            judge(self, candidate, counts, _is_received(path))
        return counts

    setattr(_validate_config, "igw_envoy", True)
    return _validate_config


def _is_received(path: Optional[str]) -> bool:
    """Whether a peer's configuration is judged: the daemon judges files only to install those."""
    return bool(path) and cluster.in_daemon()


def _is_concerned(svc: Any, cd: Any) -> bool:
    """Whether there is something to judge and a library to judge it with.

    Without a library the agent gets its own judgements back, before it validates.
    """
    if getattr(svc, "kind", None) != "svc" or not document.is_concerned(cd):
        return False
    try:
        library()
        return True
    except LibraryError as error:
        declare.restore()
        complain("%s; the agent's own checks are all there is" % error, svc.log)
        return False
