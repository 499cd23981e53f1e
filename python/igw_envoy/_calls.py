"""Calls the library: bytes in, a copy out, every handle freed before the function returns."""
import contextlib
import ctypes
import json
import weakref
from typing import Any, Dict, Iterator, List, Mapping, Optional, Union

from . import _abi
from ._library import library
from .values import Report, Translation


def abi_version() -> int:
    """The number of the library's ABI."""
    return int(library().igw_abi_version())


def version() -> str:
    """The library's version, such as `0.1.0`."""
    return bytes(library().igw_version()).decode("ascii")


def keywords() -> List[Dict[str, Any]]:
    """Every keyword of every section, as a list of dicts: section, name, kind, default, help and more."""
    table = json.loads(_text(library().igw_keywords))  # type: List[Dict[str, Any]]
    return table


def explain(code: str) -> str:
    """The long text of a diagnostic's code. Raises KeyError for a code that does not exist."""
    lib = library()
    text = _abi.Text()
    name = code.encode("utf-8")
    status = lib.igw_explain(name, len(name), ctypes.byref(text))
    if status == _abi.UNKNOWN_CODE:
        raise KeyError(code)
    _check(lib, status)
    return text.copy()


class Facts:
    """What services are judged by beside themselves; read once, used for as many as you like.

    `status` is the daemon's status as JSON text, as `om daemon status --format json` prints it:
    without it no conflict with another service is seen. `now`, by which certificates are expired, is
    in seconds since the epoch, and the system's time where it is left out.

    Raises ValueError where `status` is not a status.
    """

    def __init__(self, status: Union[str, bytes, None] = None, now: Optional[float] = None) -> None:
        lib = library()
        text = status.encode("utf-8") if isinstance(status, str) else status or b""
        self._handle = _abi.Handle()
        _check(lib, lib.igw_facts_new(text, len(text), int(now or 0), ctypes.byref(self._handle)))
        weakref.finalize(self, lib.igw_facts_free, self._handle)


def validate(service: Mapping[str, Any], facts: Optional[Facts] = None) -> Report:
    """Judges a service's whole configuration.

    `service` is `{"path": "test/svc/web", "sections": {"expose#0": {"type": "envoy", "port": "80"}}}`,
    the keywords as the text of the configuration or evaluated; `facts` is a :class:`Facts`. What looks
    like a reference is left unjudged, unless `"evaluated": {"expose#0": ["port"]}` names the keyword,
    as it is in `sections`, with its scope where it has one: `"port@node1"`.

    Returns a :class:`Report`: a wrong configuration is a report with errors, not an exception.
    Raises ValueError where `service` does not have that shape.
    """
    lib = library()
    with _made(lib, lib.igw_validate, lib.igw_report_free, service, facts) as report:
        return Report.from_json(_text(lib.igw_report_json, report))


def translate(service: Mapping[str, Any], facts: Optional[Facts] = None) -> Translation:
    """What Envoy gets for a service: a :class:`Translation`. Arguments as for :func:`validate`."""
    lib = library()
    with _made(lib, lib.igw_translate, lib.igw_translation_free, service, facts) as translation:
        report = lib.igw_translation_report(translation)
        return Translation.from_json(
            _text(lib.igw_translation_json, translation),
            Report.from_json(_text(lib.igw_report_json, report)),
        )


@contextlib.contextmanager
def _made(
    lib: ctypes.CDLL, make: Any, free: Any, service: Mapping[str, Any], facts: Optional[Facts]
) -> Iterator[_abi.Handle]:
    """A handle made of a service, freed at the end of the block."""
    text = json.dumps(service).encode("utf-8")
    handle = _abi.Handle()
    # `facts` stays alive during the call: the caller's frame holds it
    _check(lib, make(text, len(text), facts._handle if facts else None, ctypes.byref(handle)))
    try:
        yield handle
    finally:
        free(handle)


def _text(function: Any, *arguments: Any) -> str:
    """The text that a function writes to its last argument, copied."""
    text = _abi.Text()
    _check(library(), function(*(arguments + (ctypes.byref(text),))))
    return text.copy()


def _check(lib: ctypes.CDLL, status: int) -> None:
    """Turns a status that is not OK into an exception: misuse is a ValueError, a bug a RuntimeError."""
    if status != _abi.OK:
        message = bytes(lib.igw_status_text(status)).decode("utf-8")
        raise (ValueError if status < _abi.BUG else RuntimeError)(message)
