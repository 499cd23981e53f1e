#!/usr/bin/env python3
"""Whether the service templates of deploy/opensvc are what an installed OpenSVC agent accepts.

    tests/agent/templates.py [--python PYTHON]

Each template is judged by the agent's own validation, in its own Python, as `deploy` would before it
stores anything: nothing is created, and the daemon is not asked. A template with an error or a warning
fails. To see that this can fail, each is judged once more with a mistake in every section.

Validation sees keywords only. So the agent's driver also puts together the command that runs each
container, where `user = 0`, say, which the agent evaluates to a number, ends in a traceback.

Needs the agent in /usr/share/opensvc; says so, and exits 0, or 1 where REQUIRE_ALL=1, where there is
none.
"""
import argparse
import configparser
import glob
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
AGENT = "/usr/share/opensvc"
DEFAULTS = ("/etc/default/opensvc", "/etc/sysconfig/opensvc")

#: Runs inside the agent's Python: configurations on standard input, verdicts on standard output.
JUDGE = """
import json, logging, sys, tempfile
sys.path.insert(0, "/usr/share/opensvc/opensvc")
from core.node import Node
from utilities.naming import factory

said = []

class Handler(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.WARNING:
            said.append(record.getMessage())

node = Node()
for config in json.load(sys.stdin):
    del said[:]
    service = factory("svc")("igwtemplate", namespace="system", cd=config, node=node, volatile=True)
    service.log.logger.handlers = [Handler()]
    verdict = service._validate_config()
    count = verdict["errors"] + verdict["warnings"]
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        for section, keywords in config.items():
            lines = ["%s = %s" % keyword for keyword in keywords.items()]
            file.write("[%s]\\n%s\\n" % (section, "\\n".join(lines)))
        file.flush()
        stored = factory("svc")("igwtemplate", namespace="system", cf=file.name, node=node, volatile=True)
        containers = stored.get_resources("container")
    for container in containers:
        container.cgroup_options = lambda: []
        try:
            container._add_run_args(errors="ignore")
        except Exception as error:
            count += 1
            said.append("%s cannot be started: %s" % (container.rid, error))
    print("VERDICT " + json.dumps([count, said]))
"""


def agent_python(named):
    """The Python that the agent runs in: named, else OSVC_PYTHON of its defaults file, else ours."""
    if named:
        return named
    for path in DEFAULTS:
        try:
            with open(path) as file:
                found = re.search(r"^\s*(?:export\s+)?OSVC_PYTHON=['\"]?([^'\"\s]+)", file.read(), re.M)
        except OSError:
            continue
        if found:
            return found.group(1)
    return sys.executable


def read(path):
    parser = configparser.RawConfigParser(strict=True, delimiters=("=",), default_section="-")
    parser.optionxform = str
    parser.read(path)
    return {section: dict(parser.items(section)) for section in parser.sections()}


def judge(python, configs):
    """For each configuration, how many findings the agent has, and its words."""
    run = subprocess.run([python, "-c", JUDGE], input=json.dumps(configs), stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, universal_newlines=True, cwd=AGENT)
    verdicts = [line for line in run.stdout.splitlines() if line.startswith("VERDICT ")]
    if run.returncode or len(verdicts) != len(configs):
        sys.exit("the agent's validation failed:\n" + run.stderr)
    return [json.loads(line[len("VERDICT "):]) for line in verdicts]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", help="the Python that the agent runs in")
    options = parser.parse_args()
    if not os.path.isdir(AGENT):
        required = os.environ.get("REQUIRE_ALL") == "1"
        print("*** SKIPPED templates: no OpenSVC agent in %s ***" % AGENT, file=sys.stderr)
        return 1 if required else 0
    python = agent_python(options.python)
    failed = False
    templates = sorted(glob.glob(os.path.join(ROOT, "deploy", "opensvc", "*.conf")))
    if not templates:
        sys.exit("there is no template in deploy/opensvc")
    for path in templates:
        config = read(path)
        sections = [section for section in config if section not in ("DEFAULT", "env")]
        spoilt = [dict(config, **{section: dict(config[section], nonesuch="1")}) for section in sections]
        numbers = {section: dict(keywords, user="0") for section, keywords in config.items() if "user" in keywords}
        (count, said), (_, crashed), *controls = judge(python, [config, dict(config, **numbers)] + spoilt)
        print("%-24s %s" % (os.path.basename(path), "accepted" if not count else "%d findings" % count))
        for line in said:
            print("    " + line)
        blind = [section for section, (found, _) in zip(sections, controls) if not found]
        if blind:
            print("    a keyword that does not exist was not found in " + ", ".join(blind))
        if len(crashed) != len(numbers):
            print("    a user that is a number was not found in each of " + ", ".join(numbers))
        failed |= count > 0 or bool(blind) or len(crashed) != len(numbers)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
