"""The C functions' signatures, as ctypes wants them: `include/igw_envoy.h` in Python's words."""
import ctypes
from typing import Any, Dict, List, Tuple

#: Status numbers that this package tells apart; `igw_status_text` has a text for every one.
OK = 0
UNKNOWN_CODE = 30
#: From this number on, the fault is the library's own.
BUG = 100

Status = ctypes.c_int32
Bytes = ctypes.c_char_p  # a buffer of bytes: the library takes its length beside it
Size = ctypes.c_size_t
Handle = ctypes.c_void_p


class Text(ctypes.Structure):
    """`IgwText`: UTF-8 that belongs to somebody else."""

    _fields_ = [("data", ctypes.c_void_p), ("len", Size)]

    def copy(self) -> str:
        """The text as a string of its own."""
        return ctypes.string_at(self.data, self.len).decode("utf-8")


_SIGNATURES = {
    "igw_version": (ctypes.c_char_p, []),
    "igw_status_text": (ctypes.c_char_p, [Status]),
    "igw_keywords": (Status, [ctypes.POINTER(Text)]),
    "igw_explain": (Status, [Bytes, Size, ctypes.POINTER(Text)]),
    "igw_facts_new": (Status, [Bytes, Size, ctypes.c_uint64, ctypes.POINTER(Handle)]),
    "igw_facts_free": (None, [Handle]),
    "igw_validate": (Status, [Bytes, Size, Handle, ctypes.POINTER(Handle)]),
    "igw_report_json": (Status, [Handle, ctypes.POINTER(Text)]),
    "igw_report_free": (None, [Handle]),
    "igw_translate": (Status, [Bytes, Size, Handle, ctypes.POINTER(Handle)]),
    "igw_translation_json": (Status, [Handle, ctypes.POINTER(Text)]),
    "igw_translation_report": (Handle, [Handle]),
    "igw_translation_free": (None, [Handle]),
    "igw_sidecar_run": (ctypes.c_int, [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]),
}  # type: Dict[str, Tuple[Any, List[Any]]]


def declare(lib: ctypes.CDLL) -> None:
    """Gives every function its types. Raises AttributeError where one is missing."""
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(lib, name)
        function.restype = result
        function.argtypes = arguments
