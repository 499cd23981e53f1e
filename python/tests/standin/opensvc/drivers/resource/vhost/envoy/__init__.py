"""A stock driver."""
from core.objects.svcdict import KEYS
from core.resource import DataResource

DRIVER_GROUP = "vhost"
DRIVER_BASENAME = "envoy"
KEYWORDS = [
    {"keyword": "domains", "at": True, "convert": "list"},
    {"keyword": "routes", "at": True, "convert": "list"},
]

KEYS.register_driver(DRIVER_GROUP, DRIVER_BASENAME, name=__name__, keywords=KEYWORDS)


class VhostEnvoy(DataResource):
    def __init__(self, **kwargs):
        super(VhostEnvoy, self).__init__(type="vhost.envoy", **kwargs)
        self.label = "vhost"
