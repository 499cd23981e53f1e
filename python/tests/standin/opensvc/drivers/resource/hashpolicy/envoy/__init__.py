"""A stock driver."""
from core.objects.svcdict import KEYS
from core.resource import DataResource

DRIVER_GROUP = "hashpolicy"
DRIVER_BASENAME = "envoy"
KEYWORDS = [
    {"keyword": "cookie_name", "at": False},
    {"keyword": "cookie_ttl", "at": False, "convert": "duration"},
]

KEYS.register_driver(DRIVER_GROUP, DRIVER_BASENAME, name=__name__, keywords=KEYWORDS)


class HashpolicyEnvoy(DataResource):
    def __init__(self, **kwargs):
        super(HashpolicyEnvoy, self).__init__(type="hashpolicy.envoy", **kwargs)
        self.label = "hashpolicy"
