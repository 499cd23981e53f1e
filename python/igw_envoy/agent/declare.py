"""The keywords, as the agent's keyword store holds them.

A keyword of the stock drivers keeps its name, default, help and scoping. What the agent would
judge by itself, and with which it stops every action on a service once a bad value is stored
(required, candidates, a conversion that raises), is left to the gate, which can tell a new mistake
from an old one. :func:`restore` undoes that where the gate cannot be closed for want of a library.
"""
import importlib
import json
import os
import threading
from typing import Any, Callable, Dict, Iterable, List, Tuple

#: Conversions that raise on a bad value, and so make a stored service unusable.
RAISING = ("integer", "boolean", "tristate", "duration")

_restore = []  # type: List[Tuple[Any, str, Any]]
_declared = False
_declaring = threading.RLock()


def table() -> List[Dict[str, Any]]:
    """The keyword table, as `igw_keywords` prints it: generated, and compared by a test."""
    path = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "keywords.json")
    with open(path, encoding="utf-8") as stream:
        entries = json.load(stream)  # type: List[Dict[str, Any]]
    return entries


def once(drivers: Iterable[Tuple[str, str, str]]) -> None:
    """Declares the keywords of every driver, at the first call."""
    global _declared
    with _declaring:
        if not _declared:
            _declare(drivers)
            _declared = True


def restore() -> None:
    """Gives the agent's own judgements back to it."""
    while _restore:
        keyword, attribute, value = _restore.pop()
        setattr(keyword, attribute, value)


def _declare(drivers: Iterable[Tuple[str, str, str]]) -> None:
    from core.objects.svcdict import KEYS

    _lenient_converters()
    entries = table()
    for group, driver, _ in drivers:
        importlib.import_module("drivers.resource.%s.%s" % (group, driver))
        mine = [entry for entry in entries if entry["section"] == group]
        known = KEYS.sections[group].data
        for entry in mine:
            keyword = known.get((driver, entry["name"]))
            if keyword is not None:
                _relax(keyword)
        new = [_declaration(entry) for entry in mine if (driver, entry["name"]) not in known]
        if new:
            KEYS.register_driver(group, driver, name=__name__, keywords=new)


def _relax(keyword: Any) -> None:
    _change(keyword, "required", False)
    if keyword.candidates is not None:
        _change(keyword, "strict_candidates", False)
    if keyword.convert in RAISING:
        _change(keyword, "convert", "igw_" + keyword.convert)


def _change(keyword: Any, attribute: str, value: Any) -> None:
    _restore.append((keyword, attribute, getattr(keyword, attribute)))
    setattr(keyword, attribute, value)


def _declaration(entry: Dict[str, Any]) -> Dict[str, Any]:
    """A keyword that the stock driver lacks, in the words of the agent's keyword store."""
    declaration = {"keyword": entry["name"], "at": entry["scopable"], "text": entry["help"]}
    convert = entry.get("convert")
    if convert:
        declaration["convert"] = "igw_" + convert if convert in RAISING else convert
    if entry.get("default") is not None:
        declaration["default"] = entry["default"]
    if entry.get("candidates"):
        declaration["candidates"] = entry["candidates"]
        declaration["strict_candidates"] = False
    if entry.get("example"):
        declaration["example"] = entry["example"]
    return declaration


def _lenient_converters() -> None:
    """Adds the raising conversions again, under another name, with None for what they refuse."""
    import core.extconfig

    for name in RAISING:
        setattr(core.extconfig, "convert_igw_" + name, _lenient(getattr(core.extconfig, "convert_" + name)))


def _lenient(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def lenient(text: Any) -> Any:
        try:
            return convert(text)
        except (ValueError, OverflowError, TypeError):
            return None

    return lenient
