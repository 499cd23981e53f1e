#!/usr/bin/env python3
"""What an installed OpenSVC agent does with right and wrong exposes, as a table.

    tests/agent/scenarios.py [--install] [--om COMMAND]

Runs the agent's own commands on services of its own (igwtest-*), and prints for each its exit code,
what it said, and whether the stored configuration changed. With `--install`, three tables: before
`igw-envoy install`, after it, and after `igw-envoy uninstall`; the exit code is then 1 unless the
second is as it should be. `--om` names another `om`, such as one in a container.

Needs root and the agent in /usr/share/opensvc; says so, and exits 0, where there is none.
"""
import argparse
import glob
import hashlib
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "python")
AGENT = "/usr/share/opensvc"
ETC = "/etc/opensvc"
TMP = "/var/tmp/opensvc"
VAR = "/var/lib/opensvc"
SOCKET = VAR + "/lsnr/lsnr.sock"

GOOD = """\
[DEFAULT]
id = 5a0e2a4e-6f35-4a0c-9a51-1ee7c0de1ee7
nodes = {node}
orchestrate = no
{default}
[env]
web = 8090

[ip#0]
type = host
ipname = 192.0.2.77
ipdev = lo
netmask = 32
expose = expose#0

[expose#0]
type = envoy
port = 80
listener_port = {listener_port}
vhosts = vhost#0
lb_policy = ring_hash

[vhost#0]
type = envoy
domains = www.acme.com
routes = route#0

[route#0]
type = envoy
match_prefix = /
hash_policies = hashpolicy#0

[hashpolicy#0]
type = envoy
cookie_name = id
"""

#: Wrong in a way that the stock agent stores and then fails on, or not.
BAD_PORT = ("port = 80", "port = abc")
BAD_BOOLEAN = ("match_prefix = /", "match_prefix = /\nredirect_https_redirect = maybe")

#: service, what stands in its configuration before, command, what the gate makes of it.
PLAIN, SPACED, SCALER, DISABLED = "igwtest-web", "igwtest/svc/web", "igwtest-scaler", "igwtest-off"
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
    (PLAIN, None, "validate config", "passes"),
    (PLAIN, BAD_PORT, "validate config", "refused"),
    (PLAIN, None, "edit config", "refused"),
    (PLAIN, None, "API set expose#0.port=abc", "refused"),
    (PLAIN, None, "API set expose#0.port=82", "passes"),
    (PLAIN, "absent", "create --kw expose#0.type=envoy --kw expose#0.port=abc --kw expose#0.listener_port=80", "refused"),
    (PLAIN, "absent", "create --kw expose#0.type=envoy --kw expose#0.port=80", "passes"),
    (PLAIN, "absent", "deploy --config FILE", "refused"),
    (PLAIN, BAD_PORT, "set --kw env.other=1", "warns"),
    (PLAIN, BAD_PORT, "set --kw expose#0.port=abd", "refused"),
    (PLAIN, BAD_PORT, "print status", "passes"),
    (PLAIN, BAD_PORT, "start --local", "passes"),
    (PLAIN, BAD_PORT, "stop --local", "passes"),
    (PLAIN, BAD_BOOLEAN, "set --kw env.other=1", "warns"),
    (PLAIN, BAD_BOOLEAN, "print status", "passes"),
    (PLAIN, BAD_BOOLEAN, "start --local", "passes"),
    (SPACED, None, "set --kw expose#0.port=abc", "refused"),
    (SPACED, None, "set --kw expose#0.port=81", "passes"),
    (SCALER, None, "set --kw expose#0.port=abc", "refused"),
    (SCALER, None, "set --kw expose#0.port=81", "passes"),
    (SCALER, BAD_PORT, "validate config", "refused"),
    (SCALER, None, "edit config", "refused"),
    (DISABLED, None, "set --kw expose#0.port=abc", "refused"),
    (DISABLED, None, "set --kw expose#0.port=81", "passes"),
    (DISABLED, BAD_PORT, "validate config", "refused"),
    (DISABLED, None, "edit config", "refused"),
]
DEFAULTS = {SCALER: "scale = 2\ntopology = flex\n", DISABLED: "disable = true\n"}


class Agent(object):
    def __init__(self, om):
        self.om = shlex.split(om)
        hostname = self.om[:-1] + ["hostname"]
        self.node = subprocess.check_output(hostname, universal_newlines=True).strip()
        self.has_daemon = self._daemon_answers()

    def _daemon_answers(self):
        try:
            return bool(self._ask({"action": "daemon_status"}))
        except OSError:
            return False

    def _ask(self, request):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(20)
        client.connect(SOCKET)
        client.sendall(json.dumps(request).encode() + b"\0")
        reply = b""
        while not reply.endswith(b"\0"):
            piece = client.recv(65536)
            if not piece:
                break
            reply += piece
        client.close()
        return json.loads(reply.rstrip(b"\0").decode())

    def run(self, service, before, command):
        """Returns the exit code, what was said, and whether the stored configuration changed."""
        path = configuration(service)
        if before == "absent":
            remove(service)
        else:
            store(service, text_of(service, self.node, before))
        digest = digest_of(path)
        if command.startswith("API set "):
            code, said = self._set_by_daemon(service, command.split(" ", 2)[2])
        else:
            code, said = self._command(service, command.replace("{node}", self.node))
        return code, summary(said), digest_of(path) != digest

    def _command(self, service, command):
        words = shlex.split(command)
        bad = text_of(service, self.node, BAD_PORT)
        with tempfile.TemporaryDirectory(dir=ETC) as folder:
            source, editor = os.path.join(folder, "candidate"), os.path.join(folder, "editor")
            with open(source, "w") as stream:
                stream.write(bad)
            with open(editor, "w") as stream:
                stream.write('#!/bin/sh\ncp "%s" "$1"\n' % source)
            os.chmod(editor, 0o700)
            words = [source if word == "FILE" else word for word in words]
            if words[0] in ("set", "unset", "delete"):
                words.append("--local")
            done = subprocess.run(
                self.om + [service] + words, env=dict(os.environ, EDITOR=editor),
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
            )
        return done.returncode, done.stdout

    def _set_by_daemon(self, service, keyword):
        if not self.has_daemon:
            return "-", "W no daemon is running: not tried"
        self._wait_until_known(service)
        reply = self._ask({
            "action": "service_action", "node": "ANY",
            "options": {"path": service, "action": "set", "sync": True, "options": {"kw": [keyword]}},
        })
        reply = reply.get("nodes", {}).get(self.node, reply)
        data = reply.get("data") or {}
        return data.get("ret"), "%s%s" % (data.get("out", ""), data.get("err", reply.get("error", "")))

    def _wait_until_known(self, service):
        """The daemon knows a service once its status was posted."""
        subprocess.call(self.om + [service, "print", "status", "--refresh"], stdout=subprocess.DEVNULL)
        for _ in range(60):
            nodes = self._ask({"action": "daemon_status"})["monitor"]["nodes"]
            if service in nodes.get(self.node, {}).get("services", {}).get("status", {}):
                return
            time.sleep(0.5)


def configuration(service):
    if "/" in service:
        namespace, kind, name = service.split("/")
        return os.path.join(ETC, "namespaces", namespace, kind, name + ".conf")
    return os.path.join(ETC, service + ".conf")


def text_of(service, node, change):
    # each on a listener of its own: they must not be in each other's way
    listener_port = 8080 + (PLAIN, SPACED, SCALER, DISABLED).index(service)
    text = GOOD.format(node=node, default=DEFAULTS.get(service, ""), listener_port=listener_port)
    return text.replace(change[0], change[1], 1) if change else text


def store(service, text):
    remove(service)
    path = configuration(service)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as stream:
        stream.write(text)


def remove(service):
    """Removes a configuration, with what an editor left behind and the slaves of a scaler."""
    folder, name = os.path.split(configuration(service))
    left = glob.glob(os.path.join(folder, name + "*")) + glob.glob(os.path.join(folder, "[0-9]*." + name))
    left += glob.glob(os.path.join(TMP, "**", name + ".tmp"), recursive=True)
    for path in left:
        os.unlink(path)


def clean():
    """Leaves nothing behind on the machine."""
    for service in (PLAIN, SPACED, SCALER, DISABLED):
        remove(service)
    shutil.rmtree(os.path.join(ETC, "namespaces", "igwtest"), ignore_errors=True)
    for state in glob.glob(os.path.join(VAR, "svc", "*igwtest-*")) + [os.path.join(VAR, "namespaces", "igwtest")]:
        shutil.rmtree(state, ignore_errors=True)


def digest_of(path):
    try:
        with open(path, "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()
    except OSError:
        return None


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
    if code not in (0, "-"):
        return "refused" if reads or not changed else "stored though refused"
    if not changed and not reads and code == 0:
        return "nothing stored"
    return "warns" if any(line.startswith("W ") for line in said) else "passes"


def table(agent, title):
    """Prints a table; returns the scenarios that did not go as they should with the gate."""
    print("\n%s\n\n| service | stored before | command | exit | changed | said |" % title)
    print("|---|---|---|---|---|---|")
    wrong = []
    words = {None: "good", "absent": "nothing", BAD_PORT: "`port = abc`", BAD_BOOLEAN: "`redirect_https_redirect = maybe`"}
    for service, before, command, wanted in SCENARIOS:
        code, said, changed = agent.run(service, before, command)
        found = verdict(code, said, changed, command)
        if code != "-" and found != wanted:
            wrong.append("%s: %s: wanted %s, %s" % (service, command, wanted, found))
        text = "<br>".join(line.replace("|", "\\|")[:300] for line in said)
        cells = (service, words[before], command, code, "yes" if changed else "no", text)
        print("| %s | %s | `%s` | %s | %s | %s |" % cells)
        sys.stdout.flush()
    clean()
    return wrong


def igw_envoy(*words):
    environment = dict(os.environ, PYTHONPATH=PACKAGE)
    for line in subprocess.check_output(
        [sys.executable, "-m", "igw_envoy"] + list(words), env=environment, universal_newlines=True
    ).splitlines():
        print("    " + line)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--install", action="store_true", help="three tables, around install and uninstall")
    parser.add_argument("--om", default="om", help="the agent's command (default: om)")
    options = parser.parse_args()
    if not os.path.isdir(os.path.join(AGENT, "opensvc")) or os.geteuid() != 0:
        print("SKIPPED: the scenarios need root and an OpenSVC agent in %s; this machine has not both" % AGENT)
        return 0
    agent = Agent(options.om)
    if not options.install:
        table(agent, "As it is")
        return 0
    table(agent, "## Before install")
    print("\n`igw-envoy install`:\n")
    igw_envoy("install")
    try:
        wrong = table(agent, "## After install")
    finally:
        print("\n`igw-envoy uninstall`:\n")
        igw_envoy("uninstall")
    table(agent, "## After uninstall")
    print("\n%s" % ("\n".join(wrong) or "After install, every scenario went as it should."))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
