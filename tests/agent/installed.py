"""An installed OpenSVC agent, its commands and its daemon, and services to try them on."""
import glob
import hashlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import time

AGENT = "/usr/share/opensvc"
ETC = "/etc/opensvc"
TMP = "/var/tmp/opensvc"
VAR = "/var/lib/opensvc"
SOCKET = VAR + "/lsnr/lsnr.sock"
H2_SOCKET = VAR + "/lsnr/h2.sock"

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
BAD_PORT = ("\nport = 80", "\nport = abc")
BAD_BOOLEAN = ("match_prefix = /", "match_prefix = /\nredirect_https_redirect = maybe")
#: What the documentation allows, and the stock driver breaks on.
OTHER_PORT = ("\nport = 80", "\nport = 81")
NO_LISTENER_PORT = ("\nlistener_port = ", "\n# listener_port = ")

PLAIN, SPACED, SCALER, DISABLED = "igwtest-web", "igwtest/svc/web", "igwtest-scaler", "igwtest-off"
DEFAULTS = {SCALER: "scale = 2\ntopology = flex\n", DISABLED: "disable = true\n"}


class Agent(object):
    def __init__(self, om, only=""):
        self.om, self.only = shlex.split(om), only
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
        way, _, request = command.partition(": ")
        if way in ("socket", "h2"):
            code, said = self._by_daemon(service, way, *request.split(" ", 1))
        else:
            code, said = self._command(service, command.replace("{node}", self.node))
        return code, said, digest_of(path) != digest

    def _command(self, service, command):
        words = shlex.split(command)
        with tempfile.TemporaryDirectory(dir=ETC) as folder:
            files = {"BAD": text_of(service, self.node, BAD_PORT), "OTHER": text_of(service, self.node, OTHER_PORT)}
            for name, text in files.items():
                with open(os.path.join(folder, name), "w") as stream:
                    stream.write(text)
            editor = os.path.join(folder, "editor")
            if words[-2:-1] == ["with"]:
                with open(editor, "w") as stream:
                    stream.write('#!/bin/sh\ncp "%s/%s" "$1"\n' % (folder, words.pop()))
                os.chmod(editor, 0o700)
                words.pop()
            words = [os.path.join(folder, word) if word in files else word for word in words]
            if words[0] in ("set", "unset", "delete"):
                words.append("--local")
            done = subprocess.run(
                self.om + [service] + words, env=dict(os.environ, EDITOR=editor),
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
            )
        return done.returncode, done.stdout

    def _by_daemon(self, service, way, action, keyword):
        if not self.has_daemon:
            return "-", "W no daemon is running: not tried"
        if action == "create":
            option, value = keyword.split("=")
            section, name = option.split(".")
            sections = {
                "DEFAULT": {"nodes": self.node},
                section: {"type": "envoy", "port": "80", "listener_port": "8080", name: value},
            }
            reply = self._ask_h2("object_create", {"path": service, "data": {service: sections}})
        else:
            self._wait_until_known(service)
            options = {"path": service, "action": action, "sync": True, "options": {"kw": [keyword]}}
            if way == "h2":
                reply = self._ask_h2("object_action", options)
            else:
                reply = self._ask({"action": "service_action", "node": "ANY", "options": options})
        reply = reply.get("nodes", {}).get(self.node, reply)
        data = reply.get("data") or {}
        return data.get("ret"), "%s%s" % (data.get("out", ""), data.get("err", reply.get("error", "")))

    def documented(self):
        """The agent's documentation of its keywords, by section."""
        return self._curl("http://localhost/keywords?kind=svc")

    def _ask_h2(self, action, body):
        return self._curl(
            "--header", "content-type: application/json", "--data", json.dumps(body), "http://localhost/" + action
        )

    @staticmethod
    def _curl(*words):
        command = ["curl", "--silent", "--max-time", "60", "--http2-prior-knowledge", "--unix-socket", H2_SOCKET]
        done = subprocess.run(command + list(words), stdout=subprocess.PIPE, universal_newlines=True)
        return json.loads(done.stdout or '{"error": "no answer"}')

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


def clean(agent):
    """Leaves nothing behind on the machine."""
    store(PLAIN, text_of(PLAIN, agent.node, None))
    subprocess.call(agent.om + [PLAIN, "stop", "--local"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
