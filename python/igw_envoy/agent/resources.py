"""The driver classes: the agent's own, with their diagnostics in the status."""
from typing import Any, List

from .. import Diagnostic
from . import gate

#: How the agent names our severities in a resource's log.
LEVELS = {"error": "error", "warning": "warn", "info": "info"}


def adopt(stock: Any) -> Any:
    """The class that stands in for the stock driver class."""
    base = _Expose if stock.__name__ == "ExposeEnvoy" else _Diagnosed
    return type(stock.__name__, (base, stock), {"__module__": stock.__module__, "__doc__": stock.__doc__})


class _Diagnosed(object):
    """Logs what the library says about the resource's section when its status is evaluated."""

    def _status(self: Any, verbose: bool = False) -> Any:
        for diagnostic in _of_resource(self):
            place = "%s: " % diagnostic.keyword if diagnostic.keyword else ""
            text = place + str(diagnostic._replace(section=None, keyword=None))
            self.status_log(text, LEVELS[diagnostic.severity])
        return super(_Diagnosed, self)._status(verbose=verbose)  # type: ignore[misc]


class _Expose(_Diagnosed):
    """An expose whose `listener_port` may be left out, as its documentation says."""

    def __init__(self: Any, **kwargs: Any) -> None:
        # the stock class formats its label with %d, which a port that is not set breaks: take over
        # from the class behind it
        from core.resource import DataResource

        DataResource.__init__(self, type="expose.envoy", **kwargs)
        options = self.options
        port = "?" if options.port is None else options.port
        self.label = "envoy expose %s/%s via %s:%s" % (
            port,
            options.protocol,
            options.listener_addr or "0.0.0.0",
            port if options.listener_port is None else options.listener_port,
        )

    def _status_info(self: Any) -> Any:
        info = super(_Expose, self)._status_info()  # type: ignore[misc]
        if "port" in info:
            info.setdefault("listener_port", info["port"])
        return info


def _of_resource(resource: Any) -> List[Diagnostic]:
    """The diagnostics of a resource's section; the service's own go with its first expose."""
    svc = resource.svc
    first = min((rid for rid in svc.cd if rid.startswith("expose#")), default=None)
    return [
        d
        for d in _of_service(svc)
        if d.section == resource.rid or (d.section is None and resource.rid == first)
    ]


def _of_service(svc: Any) -> List[Diagnostic]:
    """The diagnostics of a service, judged once for each configuration that it has had."""
    judged = getattr(svc, "igw_envoy_judged", None)
    if judged is None or judged[0] is not svc.cd:
        try:
            found = gate.diagnostics(svc)
        except Exception as error:  # the status is worth more than its comments
            gate.complain("igw-envoy could not judge %s: %s" % (svc.path, error), svc.log)
            found = []
        judged = svc.igw_envoy_judged = (svc.cd, found)
    diagnostics = judged[1]  # type: List[Diagnostic]
    return diagnostics
