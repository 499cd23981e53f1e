"""Services."""
import logging
import os
from types import SimpleNamespace

import core.exceptions as ex
from core.extconfig import FAMILIES, ExtConfigMixin
from utilities.drivers import driver_class, driver_import


class Svc(ExtConfigMixin):
    kind = "svc"

    def __init__(self, name, namespace=None, cd=None, node=None, volatile=False):
        self.name = name
        self.namespace = namespace
        self.node = node
        self.path = "%s/svc/%s" % (namespace, name) if namespace else name
        self.raw_cd = cd
        self.volatile = volatile
        self.log = logging.getLogger("agent")
        self.paths = SimpleNamespace(cf=os.path.join(os.environ["STANDIN_ETC"], name + ".conf"))
        self.cd = cd if cd is not None else self.parse_config_file(self.paths.cf)
        defaults = self.cd.get("DEFAULT", {})
        self.ordered_nodes = defaults.get("nodes", "node1").split()
        self.ordered_drpnodes = defaults.get("drpnodes", "").split()
        self.scaler_slave = defaults.get("scaler_slave") == "true"
        self.resources_by_id = {}

    def load_driver(self, group, driver):
        return driver_import(group, driver)

    def init_resources(self):
        """Builds the resources; a scaler has none. Returns how many could not be built."""
        errors = 0
        if "scale" in self.cd.get("DEFAULT", {}):
            return errors
        for section in self.cd:
            group = section.split("#")[0]
            if group not in FAMILIES:
                continue
            try:
                module = self.load_driver(group, self.cd[section].get("type"))
            except Exception:
                continue
            try:
                resource = driver_class(module)(rid=section, **self.section_kwargs(section))
            except (ex.Error, ex.RequiredOptNotFound):
                errors += 1
                continue
            resource.svc = self
            self.resources_by_id[section] = resource
        return errors
