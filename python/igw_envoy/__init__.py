"""igw-envoy: judge and translate what an OpenSVC service exposes, before Envoy sees it.

>>> import igw_envoy
>>> service = {"path": "svcweb", "sections": {"expose#0": {"type": "envoy", "port": "abc"}}}
>>> for d in igw_envoy.validate(service).errors:
...     print(d.section, d.keyword, d.code)
expose#0 port invalid-integer

The work is done by the C library that the `xds` sidecar is made of, so a verdict here is a promise
about what Envoy gets. It is loaded at the first call; :class:`LibraryError` says why it cannot be.

Every value returned is a plain, immutable copy. All functions may be called from any thread.
"""
from ._calls import Facts, abi_version, explain, keywords, translate, validate, version
from ._library import LibraryError
from .values import Diagnostic, Report, Translation

__all__ = [
    "Diagnostic",
    "Facts",
    "LibraryError",
    "Report",
    "Translation",
    "abi_version",
    "explain",
    "keywords",
    "translate",
    "validate",
    "version",
]
