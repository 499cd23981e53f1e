"""Resources without a state of their own."""
from types import SimpleNamespace


class DataResource(object):
    def __init__(self, rid, type="data", **kwargs):
        self.rid = rid
        self.type = type
        self.options = SimpleNamespace(**kwargs)
        self.status_logs = []
        self.svc = None

    def status_log(self, text, level="warn"):
        self.status_logs.append((level, text))

    def _status(self, verbose=False):
        return "n/a"

    def _status_info(self):
        values = self.svc.section_kwargs(self.rid)
        return {name: value for name, value in values.items() if value not in (None, [])}
