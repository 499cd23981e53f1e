"""Configurations: reading, evaluating, validating and storing them."""
import configparser
import os
import re

import core.exceptions as ex
from core.objects.svcdict import KEYS
from utilities.converters import *

FAMILIES = ("expose", "vhost", "route", "certificate", "hashpolicy")


class ExtConfigMixin(object):
    def parse_config_file(self, path):
        parser = configparser.RawConfigParser(strict=False, default_section="")
        parser.optionxform = str
        parser.read(path)
        return {name: dict(parser.items(name)) for name in parser.sections()}

    def convert(self, converter, value):
        return globals()["convert_" + converter](value)

    def key(self, section, option):
        group = section.split("#")[0]
        driver = self.cd.get(section, {}).get("type")
        store = KEYS.sections.get(group)
        return store.data.get((driver, option)) if store else None

    def conf_get_val_scoped(self, section, option, impersonate=None, default_keyword=None):
        for where, keyword in ((section, option), ("DEFAULT", default_keyword)):
            values = self.cd.get(where, {})
            for name in ("%s@%s" % (keyword, impersonate or "node1"), keyword):
                if name in values:
                    return values[name]
        raise ex.OptNotFound(option)

    def conf_get(self, section, option, t=None, impersonate=None, verbose=True):
        key = self.key(section, option)
        try:
            value = self.conf_get_val_scoped(section, option, impersonate, default_keyword=option)
        except ex.OptNotFound as error:
            if key is not None and key.required:
                raise ex.RequiredOptNotFound(option)
            error.default = key.default if key is not None else None
            raise
        value = re.sub(r"\{env\.(\w+)\}", lambda m: self.cd.get("env", {}).get(m.group(1), m.group(0)), value)
        converter = t or (key.convert if key else None)
        return value if converter in (None, "string") else self.convert(converter, value)

    def section_kwargs(self, section):
        group, driver = section.split("#")[0], self.cd[section].get("type")
        values = {}
        for (rtype, name) in list(KEYS.sections[group].data):
            if rtype != driver or name == "type":
                continue
            try:
                values[name] = self.conf_get(section, name)
            except ex.OptNotFound as error:
                values[name] = error.default
            except ex.RequiredOptNotFound:
                self.log.error("%s.%s is mandatory", section, name)
                raise
        return values

    def _validate_config(self, cd=None, path=None):
        if path:
            cd = self.parse_config_file(path)
        elif not cd:
            cd = self.cd
        ret = {"errors": 0, "warnings": 0}

        def validate_build():
            svc = type(self)(self.name, namespace=self.namespace, cd=cd, node=self.node, volatile=True)
            try:
                ret["errors"] += svc.init_resources()
            except Exception as error:
                self.log.error("%s", error)
                ret["errors"] += 1

        def validate_options():
            candidate = type(self)(self.name, namespace=self.namespace, cd=cd, node=self.node, volatile=True)
            for section, options in cd.items():
                group = section.split("#")[0]
                if group not in FAMILIES:
                    continue
                try:
                    self.load_driver(group, options.get("type"))
                except ImportError:
                    pass
                for option in options:
                    name = option.split("@")[0]
                    key = candidate.key(section, name)
                    if key is None:
                        self.log.warning("ignored option %s.%s", section, option)
                        ret["warnings"] += 1
                        continue
                    try:
                        value = candidate.conf_get(section, name)
                    except (ValueError, ex.OptNotFound, ex.RequiredOptNotFound):
                        continue
                    if key.strict_candidates and key.candidates and value not in key.candidates:
                        self.log.error("option %s.%s value %s is not in valid candidates: %s",
                                       section, option, value, ", ".join(key.candidates))
                        ret["errors"] += 1

        validate_build()
        validate_options()
        return ret

    def commit(self):
        if self._validate_config()["errors"]:
            raise ex.Error
        with open(self.paths.cf, "w") as stream:
            for section, options in self.cd.items():
                stream.write("[%s]\n" % section)
                for name, value in options.items():
                    stream.write("%s = %s\n" % (name, value))
        return os.path.getsize(self.paths.cf)
