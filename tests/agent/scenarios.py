#!/usr/bin/env python3
"""What an installed OpenSVC agent does with right and wrong exposes, as a table.

    tests/agent/scenarios.py [--install] [--only TEXT] [--om COMMAND]

Runs the agent's own commands on services of its own (igwtest-*), and prints for each its exit code,
what it said, and whether the stored configuration changed. With `--install`, tables before
`igw-envoy install`, after it, without the library, and after `igw-envoy uninstall`; the exit code is
then 1 unless the tables after install are as they should be. `--only` leaves out the scenarios without
that text; `--om` names another `om`, such as one in a container.

Needs root and the agent in /usr/share/opensvc; says so, and exits 0 where they are missing, and 1 where
REQUIRE_ALL is set.
"""
import argparse
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "python")
sys.path.insert(0, HERE)

from installed import (  # noqa: E402
    AGENT, BAD_BOOLEAN, BAD_PORT, DISABLED, NO_LISTENER_PORT, PLAIN, SCALER, SPACED, Agent, clean,
)

#: service, what stands in its configuration before, command, what the gate makes of it.
SCENARIOS = [
    (PLAIN, None, "set --kw expose#0.port=81", "passes"),
    (PLAIN, None, "set --kw expose#0.port=abc", "refused"),
    (PLAIN, None, "set --kw expose#0.port=99999999", "refused"),
    (PLAIN, None, "set --kw expose#0.port=12.7", "refused"),
    (PLAIN, None, "set --kw expose#0.port=inf", "refused"),
    (PLAIN, None, "set --kw expose#0.listener_port=abc", "refused"),
    (PLAIN, None, "set --kw expose#0.listener_addr=nowhere", "refused"),
    (PLAIN, None, "set --kw expose#0.vhosts=vhost#7", "refused"),
    (PLAIN, None, "set --kw expose#0.port=abc --kw expose#0.vhosts=vhost#7", "refused"),
    (PLAIN, None, "set --kw 'route#0.match_regex=(['  --kw route#0.match_prefix=", "refused"),
    (PLAIN, None, "set --kw hashpolicy#0.cookie_ttl=abc", "refused"),
    (PLAIN, None, "set --kw 'expose#0.cluster_data={not json'", "refused"),
    (PLAIN, None, "set --kw 'expose#0.cluster_data={\"zorglub\": 1}'", "refused"),
    (PLAIN, None, "set --kw 'expose#0.cluster_data={\"connect_timeout\": \"3s\"}'", "passes"),
    (PLAIN, None, "set --kw expose#0.lb_policy=toto", "refused"),
    (PLAIN, None, "set --kw route#0.redirect_https_redirect=maybe", "refused"),
    (PLAIN, None, "set --kw route#0.route_use_websocket=true", "passes"),
    (PLAIN, None, "set --kw expose#0.listner_addr=127.0.0.1", "warns"),
    (PLAIN, None, "set --kw 'expose#0.port={env.web}'", "passes"),
    (PLAIN, None, "set --kw 'expose#0.port=$(8000+88)'", "passes"),
    (PLAIN, None, "set --kw 'DEFAULT.nodes={node} other' --kw expose#0.port@other=abc", "refused"),
    (PLAIN, None, "unset --kw expose#0.port", "refused"),
    (PLAIN, None, "unset --kw expose#0.listener_port", "passes"),
    (PLAIN, None, "delete --rid vhost#0", "refused"),
    (PLAIN, None, "delete --rid ip#0", "warns"),
    (PLAIN, None, "validate config", "passes"),
    (PLAIN, BAD_PORT, "validate config", "refused"),
    (PLAIN, None, "edit config with BAD", "refused"),
    (PLAIN, None, "edit config with OTHER", "passes"),
    (PLAIN, None, "socket: set expose#0.port=abc", "refused"),
    (PLAIN, None, "socket: set expose#0.port=82", "passes"),
    (PLAIN, None, "socket: unset expose#0.port", "refused"),
    (PLAIN, None, "h2: set expose#0.port=abc", "refused"),
    (PLAIN, None, "h2: set expose#0.port=82", "passes"),
    (PLAIN, "absent", "h2: create expose#0.port=abc", "refused"),
    (PLAIN, "absent", "h2: create expose#0.port=82", "warns"),
    (PLAIN, "absent", "create --kw expose#0.type=envoy --kw expose#0.port=abc --kw expose#0.listener_port=80", "refused"),
    (PLAIN, "absent", "create --kw expose#0.type=envoy --kw expose#0.port=80", "warns"),
    (PLAIN, "absent", "create --config BAD", "refused"),
    (PLAIN, "absent", "create --config OTHER", "passes"),
    (PLAIN, "absent", "deploy --config BAD", "refused"),
    (PLAIN, BAD_PORT, "set --kw env.other=1", "warns"),
    (PLAIN, BAD_PORT, "set --kw expose#0.port=abd", "refused"),
    (PLAIN, BAD_PORT, "print status --refresh", "passes"),
    (PLAIN, BAD_PORT, "start --local", "passes"),
    (PLAIN, BAD_PORT, "stop --local", "passes"),
    (PLAIN, BAD_PORT, "set --kw expose#0.port=81", "passes"),
    (PLAIN, BAD_PORT, "delete --rid expose#0 --rid ip#0", "warns"),
    (PLAIN, NO_LISTENER_PORT, "print status --refresh", "passes"),
    (PLAIN, NO_LISTENER_PORT, "set --kw env.other=1", "passes"),
    (PLAIN, NO_LISTENER_PORT, "start --local", "passes"),
    (PLAIN, BAD_BOOLEAN, "set --kw env.other=1", "warns"),
    (PLAIN, BAD_BOOLEAN, "print status --refresh", "passes"),
    (PLAIN, BAD_BOOLEAN, "start --local", "passes"),
] + [
    (service, stored, command, wanted)
    for service in (SPACED, SCALER, DISABLED)
    for stored, command, wanted in (
        (None, "set --kw expose#0.port=abc", "refused"),
        (None, "set --kw expose#0.port=81", "passes"),
        (None, "unset --kw expose#0.port", "refused"),
        (None, "delete --rid vhost#0", "refused"),
        (None, "edit config with BAD", "refused"),
        (None, "socket: set expose#0.port=abc", "refused"),
        ("absent", "create --config BAD", "refused"),
        ("absent", "create --config OTHER", "passes"),
        (BAD_PORT, "validate config", "refused"),
        (BAD_PORT, "set --kw env.other=1", "warns"),
        (BAD_PORT, "print status --refresh", "passes"),
    )
]
#: After install, where the library cannot be used: as the stock agent, and one warning.
WITHOUT_LIBRARY = [
    (PLAIN, None, "set --kw expose#0.port=abc", "warns"),
    (PLAIN, None, "set --kw expose#0.lb_policy=toto", "refused"),
    (PLAIN, None, "unset --kw expose#0.port", "refused"),
    (PLAIN, None, "print status --refresh", "warns"),
    (PLAIN, NO_LISTENER_PORT, "print status --refresh", "warns"),
]
#: What the drivers declare beside the stock keywords: section, keyword.
NEW_KEYWORDS = (("route", "route_use_websocket"), ("hashpolicy", "header_name"), ("certificate", "secret"))

#: In some containers the agent does not see the address that it has set up.
UNSEEN = "E timed out waiting for ip activation"


def summary(said):
    """The lines that matter: the agent's errors and warnings, the resource logs, a traceback's end."""
    said = re.sub(r"\x1b\[[0-9;]*m", "", said)
    kept = []
    for line in said.splitlines():
        line = line.strip(" |`-")
        if re.match(r"[EW] ", line) or re.match(r"(error|warn|info): ", line) or re.match(r"\w*(Error|Exception)\b", line):
            kept.append(line)
    return list(dict.fromkeys(kept)) or [line for line in said.splitlines() if line.strip()][-1:]


def verdict(code, said, changed, command):
    reads = command.split()[0] in ("validate", "print", "start", "stop")
    if any(line.startswith(("Traceback", "TypeError")) for line in said):
        return "breaks"
    if command.startswith("start") and [line for line in said if line.startswith("E ")] == [UNSEEN]:
        return "passes"
    if code not in (0, "-"):
        return "refused" if reads or not changed else "stored though refused"
    if not changed and not reads and code == 0:
        return "nothing stored"
    return "warns" if any(line.startswith("W ") for line in said) else "passes"


def table(agent, title, scenarios=SCENARIOS):
    """Prints a table; returns the scenarios that did not go as they should with the gate."""
    print("\n%s\n\n| service | stored before | command | exit | changed | said |" % title)
    print("|---|---|---|---|---|---|")
    wrong = []
    words = {
        None: "good", "absent": "nothing", BAD_PORT: "`port = abc`", NO_LISTENER_PORT: "no `listener_port`",
        BAD_BOOLEAN: "`redirect_https_redirect = maybe`",
    }
    for service, before, command, wanted in scenarios:
        if agent.only not in command:
            continue
        code, said, changed = agent.run(service, before, command)
        said = summary(said)
        found = verdict(code, said, changed, command)
        if code != "-" and found != wanted:
            wrong.append("%s: %s: wanted %s, %s" % (service, command, wanted, found))
        text = "<br>".join(line.replace("|", "\\|")[:300] for line in said)
        cells = (service, words[before], command, code, "yes" if changed else "no", text)
        print("| %s | %s | `%s` | %s | %s | %s |" % cells)
        sys.stdout.flush()
    clean(agent)
    return wrong


def keywords(agent):
    """Says which of the new keywords the agent documents; returns those that it does not."""
    if not agent.has_daemon:
        print("\nNo daemon is running: its documentation was not asked for.")
        return []
    known = agent.documented()
    found = [(section, name, name in json.dumps(known.get(section))) for section, name in NEW_KEYWORDS]
    print("\nDocumented by the agent: %s" % ", ".join(
        "%s.%s %s" % (section, name, "yes" if is_there else "no") for section, name, is_there in found
    ))
    return ["%s.%s is not documented" % (section, name) for section, name, is_there in found if not is_there]


def igw_envoy(*words):
    environment = dict(os.environ, PYTHONPATH=PACKAGE)
    for line in subprocess.check_output(
        [sys.executable, "-m", "igw_envoy"] + list(words), env=environment, universal_newlines=True
    ).splitlines():
        print("    " + line)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--install", action="store_true", help="tables before, between and after install and uninstall")
    parser.add_argument("--om", default="om", help="the agent's command (default: om)")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the scenarios whose command has that text")
    options = parser.parse_args()
    if not os.path.isdir(os.path.join(AGENT, "opensvc")) or os.geteuid() != 0:
        print("SKIPPED: the scenarios need root and an OpenSVC agent in %s; this machine has not both" % AGENT)
        return 1 if os.environ.get("REQUIRE_ALL") else 0
    agent = Agent(options.om, options.only)
    if not options.install:
        table(agent, "As it is")
        return 0
    table(agent, "## Before install")
    print("\n`igw-envoy install`:\n")
    igw_envoy("install")
    try:
        wrong = table(agent, "## After install") + keywords(agent)
        os.environ["IGW_ENVOY_LIBRARY"] = "/nowhere/libigw_envoy.so"
        wrong += table(agent, "## After install, without the library", WITHOUT_LIBRARY)
    finally:
        os.environ.pop("IGW_ENVOY_LIBRARY", None)
        print("\n`igw-envoy uninstall`:\n")
        igw_envoy("uninstall")
    table(agent, "## After uninstall")
    print("\n%s" % ("\n".join(wrong) or "After install, every scenario went as it should."))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
