"""Finds and loads the library, once, when it is first needed."""
import ctypes
import os
import threading
from typing import List, Optional

from . import _abi

#: The ABI that this package speaks: the digit of the library's SONAME.
ABI = 1

#: Names the library's file, instead of the one inside the package.
VARIABLE = "IGW_ENVOY_LIBRARY"

_loaded = None  # type: Optional[ctypes.CDLL]
_loading = threading.Lock()


class LibraryError(ImportError):
    """The library is missing, cannot be loaded, or speaks another ABI."""


def candidates() -> List[str]:
    """Where the library is looked for, in order: files first, then the system's loader."""
    named = os.environ.get(VARIABLE)
    if named:
        return [named]
    package = os.path.dirname(os.path.abspath(__file__))
    return [os.path.join(package, "libigw_envoy.so"), "libigw_envoy.so.%d" % ABI]


def library() -> ctypes.CDLL:
    """The loaded library. Raises :class:`LibraryError`."""
    global _loaded
    if _loaded is None:
        with _loading:
            if _loaded is None:
                _loaded = _load()
    return _loaded


def _load() -> ctypes.CDLL:
    reasons = []
    for candidate in candidates():
        try:
            lib = ctypes.CDLL(candidate)
            lib.igw_abi_version.argtypes = []
            lib.igw_abi_version.restype = ctypes.c_uint32
            found = lib.igw_abi_version()
            if found != ABI:
                reasons.append("%s speaks ABI %d, this package speaks ABI %d" % (candidate, found, ABI))
                continue
            _abi.declare(lib)
            return lib
        except (OSError, AttributeError) as error:
            reasons.append(str(error))
    raise LibraryError(
        "igw-envoy's library cannot be loaded: %s. `pip install ./python` in a clone builds it into the package; "
        "%s names the file of one that is built already, such as target/release/libigw_envoy.so"
        % ("; ".join(reasons), VARIABLE)
    )
