"""A stock driver."""
from core.objects.svcdict import KEYS
from core.resource import DataResource

DRIVER_GROUP = "route"
DRIVER_BASENAME = "envoy"
KEYWORDS = [
    {"keyword": "match_prefix", "at": True},
    {"keyword": "match_regex", "at": True},
    {"keyword": "redirect_https_redirect", "at": True, "convert": "boolean"},
    {"keyword": "hash_policies", "at": True, "convert": "list"},
]

KEYS.register_driver(DRIVER_GROUP, DRIVER_BASENAME, name=__name__, keywords=KEYWORDS)


class RouteEnvoy(DataResource):
    def __init__(self, **kwargs):
        super(RouteEnvoy, self).__init__(type="route.envoy", **kwargs)
        self.label = "route"
