"""Inside the OpenSVC agent: what the driver files that `igw-envoy install` places call.

The agent imports a driver `drivers.resource.expose.envoy.linux` before its own
`drivers.resource.expose.envoy`. The file placed there hands the agent's class to
:func:`take_over` and exports what it gets back. From then on:

- :mod:`gate` adds this package's verdict to the agent's validation of a whole configuration;
- :mod:`declare` tells the agent the keywords that its own drivers do not know, and moves the
  judgement of the known ones to the gate, so that a bad value on disk never stops an action;
- :mod:`resources` shows a resource's diagnostics in `print status`.

Nothing here may raise into the agent: it drops a driver whose import fails, without a word.
"""
from typing import Any

from . import declare, gate, resources

#: The drivers taken over: section group, driver, name of the agent's class.
DRIVERS = (
    ("expose", "envoy", "ExposeEnvoy"),
    ("vhost", "envoy", "VhostEnvoy"),
    ("route", "envoy", "RouteEnvoy"),
    ("hashpolicy", "envoy", "HashpolicyEnvoy"),
    ("certificate", "tls", "CertificateTls"),
)


def take_over(stock: Any) -> Any:
    """The class that stands in for the agent's driver class `stock`.

    Where this agent is not the one that is known here, `stock` itself is returned and the agent's
    log says why, once.
    """
    try:
        adopted = resources.adopt(stock)
        declare.once(DRIVERS)
        gate.close()
        return adopted
    except Exception as error:  # the agent must work as if nothing had been installed
        declare.restore()
        gate.complain("this agent is not one that igw-envoy knows, nothing is validated: %r" % error)
        return stock
