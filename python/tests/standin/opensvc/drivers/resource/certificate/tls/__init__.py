"""A stock driver."""
from core.objects.svcdict import KEYS
from core.resource import DataResource

DRIVER_GROUP = "certificate"
DRIVER_BASENAME = "tls"
KEYWORDS = [
    {"keyword": "certificate_secret", "at": True},
]

KEYS.register_driver(DRIVER_GROUP, DRIVER_BASENAME, name=__name__, keywords=KEYWORDS)


class CertificateTls(DataResource):
    def __init__(self, **kwargs):
        super(CertificateTls, self).__init__(type="certificate.tls", **kwargs)
        self.label = "certificate"
