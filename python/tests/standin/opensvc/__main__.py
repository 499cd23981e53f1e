"""A command of the stand-in agent: `python opensvc COMMAND SERVICE [ARGUMENTS]`."""
import json
import logging
import shutil
import sys
import threading

import core.exceptions as ex
from core.objects.svc import Svc


class Style(logging.Formatter):
    def format(self, record):
        return "%s %s" % (record.levelname[0], record.getMessage())


def main(command, path, *arguments):
    handler = logging.StreamHandler()
    handler.setFormatter(Style())
    logging.getLogger().addHandler(handler)
    namespace, _, name = path.rpartition("/svc/")
    svc = Svc(name, namespace=namespace or None)
    try:
        if command == "validate":
            counts = svc._validate_config()
            return counts["errors"] + counts["warnings"]
        if command == "edit":
            return svc._validate_config(path=arguments[0])["errors"]
        if command == "receive":
            return receive(svc, arguments[0])
        svc.init_resources()
        if command == "status":
            for rid, resource in sorted(svc.resources_by_id.items()):
                status = resource._status()
                print(json.dumps([rid, status, resource.label, resource.status_logs, resource._status_info()]))
            return 0
        if command == "keywords":
            from core.objects.svcdict import KEYS
            for group, section in sorted(KEYS.sections.items()):
                for (driver, keyword), key in sorted(section.data.items()):
                    print(group, driver, keyword, key.required, key.strict_candidates, key.convert)
            return 0
        for argument in arguments:
            option, _, value = argument.partition("=")
            section, _, keyword = option.partition(".")
            if command == "set":
                svc.cd.setdefault(section, {})[keyword] = value
            elif command == "unset":
                del svc.cd[section][keyword]
            elif command == "delete":
                del svc.cd[argument]
        svc.commit()
        return 0
    except ex.Error:
        return 1


def receive(svc, path):
    """What the daemon does with a configuration fetched from a peer: judge it, in a thread, and install it."""
    def install():
        if svc._validate_config(path=path)["errors"] == 0:
            shutil.copy(path, svc.paths.cf)

    thread = threading.Thread(target=install)
    thread.start()
    thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
