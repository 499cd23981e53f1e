"""A stock driver."""
from core.objects.svcdict import KEYS
from core.resource import DataResource

DRIVER_GROUP = "expose"
DRIVER_BASENAME = "envoy"
KEYWORDS = [
    {"keyword": "port", "at": True, "convert": "integer", "required": True},
    {"keyword": "protocol", "at": True, "candidates": ["tcp", "udp"], "default": "tcp"},
    {"keyword": "listener_addr", "at": True},
    {"keyword": "listener_port", "at": True, "convert": "integer"},
    {"keyword": "lb_policy", "at": True, "candidates": ["round robin", "ring_hash"], "default": "round robin"},
    {"keyword": "vhosts", "at": True, "convert": "list"},
    {"keyword": "sni", "at": True, "convert": "list"},
    {"keyword": "cluster_data", "at": True, "convert": "json"},
]

KEYS.register_driver(DRIVER_GROUP, DRIVER_BASENAME, name=__name__, keywords=KEYWORDS)


class ExposeEnvoy(DataResource):
    def __init__(self, **kwargs):
        super(ExposeEnvoy, self).__init__(type="expose.envoy", **kwargs)
        options = self.options
        address = options.listener_addr or "0.0.0.0"
        self.label = "expose %s/%s via %s:%d" % (options.port, options.protocol, address, options.listener_port)
