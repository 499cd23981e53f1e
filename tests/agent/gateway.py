#!/usr/bin/env python3
"""An ingress gateway on a live OpenSVC node, step by step, as a table.

    tests/agent/gateway.py [--xds PATH] [--envoy PATH]

Places the plugin, runs the sidecar and a real Envoy, exposes services by `svcmgr set` alone, and asks
for their pages through Envoy: L4, TLS by name, virtual hosts, a websocket, a port chosen by the gateway,
a renewed certificate; then mistakes and conflicts, behind the plugin's back too; then the daemon and the
sidecar stop and start while requests go on. Prints what was run and seen; exits with 1 where anything
was not as it should be.

For a node to try things on: it restarts the daemon. The services are its own (igwtest-*) and are removed
at the end. Needs root, a running 2.1 agent, an Envoy and `xds`; says so, and exits 0, where one is
missing, and 1 where REQUIRE_ALL is set.
"""
import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

import live  # noqa: E402
from installed import AGENT, ETC, SOCKET  # noqa: E402

WEB, OTHER, SECRET = "igwtest-svcweb", "igwtest-other", "sec/igwtest-cert"
ADDRESS = "192.0.2.78"
PLAIN, SECURE = 28080, 28443
BACKEND, TLS_BACKEND = 28081, 28444
ADMIN, HTTP = 29901, 29902
TLS_NAME, VHOST_NAME, PASS_NAME = "svcweb.acme.org", "alt-svcweb.acme.org", "pass.acme.org"


class Story(object):
    """The table, and whether everything in it was as it should be."""

    def __init__(self):
        self.wrong = []
        print("| what | run | seen | as it should be |")
        print("|---|---|---|---|")

    def row(self, what, run, seen, right):
        if not right:
            self.wrong.append(what)
        cells = (what, run, seen.replace("|", "\\|").replace("\n", "<br>")[:600], "yes" if right else "NO")
        print("| %s | %s | %s | %s |" % cells)
        sys.stdout.flush()

    def set(self, what, service, keywords, seen, wanted):
        """`svcmgr set`, and what is then seen within half a minute."""
        command = svcmgr(service, "set", *["--kw=" + keyword for keyword in keywords])
        if command.code != 0:
            return self.row(what, shown(service, keywords), "exit %d: %s" % (command.code, command.said), False)
        live.until(lambda: seen() == wanted)
        answer = seen()
        self.row(what, shown(service, keywords), str(answer), answer == wanted)

    def refused(self, what, service, keywords, *texts):
        """`svcmgr set` that must fail with these texts, store nothing, and disturb nobody."""
        before = stored(service)
        command = svcmgr(service, "set", *["--kw=" + keyword for keyword in keywords])
        said = command.lines("E ")
        right = command.code != 0 and stored(service) == before
        right = right and all(any(text in line for line in said) for text in texts)
        seen = "exit %d, %s<br>%s" % (
            command.code, "nothing stored" if stored(service) == before else "STORED", "<br>".join(said)
        )
        self.row(what, shown(service, keywords), seen, right)


def svcmgr(service, *words):
    return live.Command("svcmgr", "-s", service, *words)


def om(*words):
    return live.Command("om", *words)


def shown(service, keywords):
    return "`svcmgr -s %s set %s`" % (service, " ".join("--kw '%s'" % keyword for keyword in keywords))


def path_of(service):
    return os.path.join(ETC, service + ".conf")


def stored(service):
    with open(path_of(service)) as stream:
        return stream.read()


def by_hand(service, old, new):
    """Changes a stored configuration as an editor would, past every check, and posts the status."""
    text = stored(service)
    with open(path_of(service), "w") as stream:
        stream.write(text.replace(old, new, 1))
    svcmgr(service, "print", "status", "--refresh")


def ask(path):
    """What the sidecar's API answers; None where there is no answer."""
    said = live.get(HTTP, "localhost:%d" % HTTP, path)
    return json.loads(said[4:]) if said.startswith("200 ") else None


def finding(service, section):
    """The first error that the sidecar has on a section, as text."""
    for found in ask("/api/v1/diagnostics") or []:
        where = (found["service"], found.get("section"))
        if found["severity"] == "error" and where == (service, section):
            return "%s.%s: %s" % (section, found.get("keyword"), found["message"])
    return None


def page(port=PLAIN, host="localhost", path="/", tls=False):
    return live.get(port, host, path, tls)


class Gateway(object):
    """The sidecar and Envoy."""

    def __init__(self, folder, xds, envoy):
        sock = os.path.join(folder, "xds.sock")
        with open(os.path.join(REPOSITORY, "examples", "envoy.json")) as stream:
            bootstrap = stream.read().replace("/var/run/xds/xds.sock", sock).replace("9901", str(ADMIN))
        config = os.path.join(folder, "envoy.json")
        with open(config, "w") as stream:
            stream.write(bootstrap)
        self.log = os.path.join(folder, "xds.log")
        self.xds = live.Process(
            self.log, xds, "--port", "0", "--janitor-socket", sock, "-P", str(ADMIN),
            "--http", "127.0.0.1:%d" % HTTP, "-r", "28500-28599",
        )
        self.envoy = live.Process(
            os.path.join(folder, "envoy.log"), envoy, "-c", config, "--disable-hot-restart", "-l", "warning"
        )

    def ready(self):
        return live.until(lambda: live.get(ADMIN, "localhost", "/ready").startswith("200 "), 60)

    def end(self):
        self.envoy.end()
        return self.xds.end()


def prepare(story):
    """A service with an address of its own, and a certificate."""
    # `create` generates the certificate that is asked for
    made = om(SECRET, "create", "--kw", "cn=" + TLS_NAME, "--kw", "alt_names=%s %s" % (TLS_NAME, VHOST_NAME))
    story.row("a certificate", "`om %s create`" % SECRET, "exit %d" % made.code, made.code == 0)
    svcmgr(
        WEB, "create", "--kw=nodes=" + socket.gethostname(), "--kw=orchestrate=no",
        "--kw=ip#1.type=host", "--kw=ip#1.ipname=" + ADDRESS, "--kw=ip#1.ipdev=lo", "--kw=ip#1.netmask=32",
    )
    # some kernels hide the address from the agent's check, which then complains: what counts is the address
    svcmgr(WEB, "start", "--local")
    up = live.until(lambda: live.get(BACKEND, ADDRESS).startswith("200 "), 10)
    story.row("a service", "`svcmgr -s %s create; … start`" % WEB, "%s is up" % ADDRESS if up else "down", bool(up))


def backends(folder):
    """The web servers behind the address, which all the node's addresses lead to."""
    pem = os.path.join(folder, "backend.pem")
    subprocess.check_call(
        ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "2", "-subj", "/CN=" + PASS_NAME,
         "-keyout", pem, "-out", pem + ".crt"], stderr=subprocess.DEVNULL,
    )
    with open(pem, "a") as stream, open(pem + ".crt") as chain:
        stream.write(chain.read())
    live.Backend("web", BACKEND)
    live.Backend("secure", TLS_BACKEND, pem)


def expose_everything(story):
    story.set("L4", WEB, [
        "ip#1.expose=expose#0", "expose#0.type=envoy", "expose#0.port=%d" % BACKEND, "expose#0.listener_port=%d" % PLAIN,
    ], page, "200 web /")
    story.set("TLS by name (SNI), with a certificate from a secret", WEB, [
        "ip#1.expose=expose#0 expose#1", "expose#1.type=envoy", "expose#1.port=%d" % BACKEND,
        "expose#1.listener_port=%d" % SECURE, "expose#1.sni=" + TLS_NAME,
        "expose#1.listener_certificates=certificate#0",
        "certificate#0.type=tls", "certificate#0.certificate_secret=" + SECRET.split("/")[1],
    ], lambda: page(SECURE, TLS_NAME, tls=True), "200 web /")
    story.set("TLS by name (SNI), passed through to the instance", WEB, [
        "ip#1.expose=expose#0 expose#1 expose#2", "expose#2.type=envoy", "expose#2.port=%d" % TLS_BACKEND,
        "expose#2.listener_port=%d" % SECURE, "expose#2.sni=" + PASS_NAME,
    ], lambda: page(SECURE, PASS_NAME, tls=True), "200 secure /")
    story.set("a virtual host with two routes, one a websocket", WEB, [
        "ip#1.expose=expose#0 expose#1 expose#2 expose#3", "expose#3.type=envoy", "expose#3.port=%d" % BACKEND,
        "expose#3.listener_port=%d" % SECURE, "expose#3.vhosts=vhost#0",
        "expose#3.listener_certificates=certificate#0",
        "vhost#0.type=envoy", "vhost#0.domains=" + VHOST_NAME, "vhost#0.routes=route#0 route#1",
        "route#0.type=envoy", "route#0.match_prefix=/realtime/generic", "route#0.route_use_websocket=true",
        "route#1.type=envoy", "route#1.match_prefix=/",
    ], lambda: page(SECURE, VHOST_NAME, "/hello", tls=True), "200 web /hello")
    said = live.websocket(SECURE, VHOST_NAME, "/realtime/generic")
    story.row("the websocket", "`wss://%s/realtime/generic`" % VHOST_NAME, said, said == "101 echo hello")
    story.set("a route rewritten", WEB, ["route#1.route_prefix_rewrite=/app/"],
              lambda: page(SECURE, VHOST_NAME, "/hello", tls=True), "200 web /app/hello")
    chosen(story)


def chosen(story):
    """`listener_port=0`: the gateway chooses, and writes back what it chose."""
    def port():
        section = stored(WEB).split("[expose#4]")[1].split("\n[")[0]
        return int(re.search(r"^listener_port\s*=\s*(\d+)", section, re.M).group(1))

    keywords = [
        "ip#1.expose=expose#0 expose#1 expose#2 expose#3 expose#4", "expose#4.type=envoy",
        "expose#4.port=%d" % BACKEND, "expose#4.listener_port=0",
    ]
    command = svcmgr(WEB, "set", *["--kw=" + keyword for keyword in keywords])
    live.until(port)
    seen = "exit %d, listener_port = %d is stored" % (command.code, port())
    story.row("a port chosen by the gateway", shown(WEB, keywords), seen, 28500 <= port() <= 28599)
    live.until(lambda: page(port()) == "200 web /")
    story.row("its page", "`http://localhost:%d/`" % port(), page(port()), page(port()) == "200 web /")


def traffic():
    return live.Traffic(page, lambda: page(SECURE, VHOST_NAME, "/", tls=True))


def renew(story):
    before, going = live.certificate(SECURE, TLS_NAME), traffic()
    om(SECRET, "gen", "cert")
    live.until(lambda: live.certificate(SECURE, TLS_NAME) not in (before, None))
    after = live.certificate(SECURE, TLS_NAME)
    well, said = going.end()
    seen = "%s became %s; %s" % (before, after, said)
    story.row("the certificate renewed, while requests go on", "`om %s gen cert`" % SECRET, seen,
              well and after not in (before, None))


def mistakes(story):
    going = traffic()
    story.refused("a mistake", WEB, ["expose#0.port=abc"], "expose#0.port")
    story.refused("two mistakes", WEB, ["expose#0.port=abc", "expose#3.vhosts=vhost#7"], "expose#0.port", "vhost#7")
    story.refused("a regular expression that Envoy refuses", WEB,
                  ["route#1.match_prefix=", "route#1.match_regex=(["], "route#1.match_regex")

    by_hand(WEB, "port = %d\n" % BACKEND, "port = abc\n")
    live.until(lambda: finding(WEB, "expose#0"))
    found = finding(WEB, "expose#0")
    seen = "the sidecar says: %s; the page: %s" % (found, page())
    story.row("the mistake written by hand: the expose keeps its last good version", "`port = abc` in the file", seen,
              bool(found) and page() == "200 web /")
    command = svcmgr(WEB, "set", "--kw=env.unrelated=1")
    said = command.lines("W ")
    story.row("an unrelated change then passes, with a warning", shown(WEB, ["env.unrelated=1"]),
              "exit %d<br>%s" % (command.code, "<br>".join(said)),
              command.code == 0 and any("expose#0.port" in line for line in said))
    command = svcmgr(WEB, "print", "status")
    said = [line.strip(" |`-") for line in command.said.splitlines() if "abc" in line]
    story.row("the status shows it", "`svcmgr -s %s print status`" % WEB,
              "exit %d<br>%s" % (command.code, "<br>".join(said)), command.code == 0 and bool(said))
    story.set("mended", WEB, ["expose#0.port=%d" % BACKEND], lambda: finding(WEB, "expose#0"), None)
    well, said = going.end()
    story.row("requests in the meantime", "", said, well)


def conflict(story):
    svcmgr(OTHER, "create", "--kw=nodes=" + socket.gethostname(), "--kw=orchestrate=no")
    keywords = [
        "ip#1.type=host", "ip#1.ipname=192.0.2.79", "ip#1.ipdev=lo", "ip#1.netmask=32", "ip#1.expose=expose#0",
        "expose#0.type=envoy", "expose#0.port=80", "expose#0.listener_port=%d" % PLAIN,
    ]
    story.refused("a port that another service has", OTHER, keywords, WEB + ".expose#0")
    keywords[-1] = "expose#0.listener_port=%d" % (PLAIN + 9)
    svcmgr(OTHER, "set", *["--kw=" + keyword for keyword in keywords])
    going = traffic()
    by_hand(OTHER, "listener_port = %d" % (PLAIN + 9), "listener_port = %d" % PLAIN)
    live.until(lambda: finding(OTHER, "expose#0"))
    found = finding(OTHER, "expose#0")
    well, said = going.end()
    story.row("the same by hand: who was there first stays", "`listener_port = %d` in the file" % PLAIN,
              "the sidecar says: %s; %s" % (found, said), well and WEB in (found or ""))
    svcmgr(OTHER, "delete", "--local")


def restarts(story, gateway):
    going = traffic()
    om("daemon", "restart")
    back = live.until(lambda: om("daemon", "status").code == 0, 60)
    well, said = going.end()
    story.row("the daemon restarts", "`om daemon restart`", said, well and bool(back))

    going = traffic()
    om("daemon", "stop")
    gone = live.until(lambda: not listens(SOCKET), 30)
    om("daemon", "start")
    back = live.until(lambda: listens(SOCKET), 60)
    well, said = going.end()
    story.row("the daemon stops, and starts", "`om daemon stop; om daemon start`", said, well and bool(gone and back))
    story.set("a change is served after it", WEB, ["route#1.route_prefix_rewrite=/after/"],
              lambda: page(SECURE, VHOST_NAME, "/x", tls=True), "200 web /after/x")

    going = traffic()
    gateway.xds.kill()
    svcmgr(WEB, "set", "--kw=route#1.route_prefix_rewrite=/meanwhile/")
    gateway.xds.start()
    live.until(lambda: page(SECURE, VHOST_NAME, "/x", tls=True) == "200 web /meanwhile/x", 60)
    seen = page(SECURE, VHOST_NAME, "/x", tls=True)
    well, said = going.end()
    story.row("the sidecar is killed, a change is made, it starts again", "`kill -9`, `svcmgr set`, `xds`",
              "%s; %s" % (said, seen), well and seen == "200 web /meanwhile/x")


def listens(path):
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
        return True
    except OSError:
        return False


def clean():
    """Leaves nothing behind on the machine."""
    for service in (WEB, OTHER):
        svcmgr(service, "stop", "--local")
        svcmgr(service, "delete", "--local")
    om(SECRET, "delete", "--local")


def igw_envoy(*words):
    environment = dict(os.environ, PYTHONPATH=os.path.join(REPOSITORY, "python"))
    subprocess.check_call(
        [sys.executable, "-m", "igw_envoy"] + list(words), env=environment, stdout=subprocess.DEVNULL
    )


def missing(options):
    if os.geteuid() != 0:
        return "root"
    if not os.path.isdir(os.path.join(AGENT, "opensvc")) or not listens(SOCKET):
        return "a running OpenSVC agent in %s" % AGENT
    if not options.envoy:
        return "an Envoy: --envoy or ENVOY_BIN"
    if not options.xds:
        return "xds: `cargo build`, or --xds"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    built = [os.path.join(REPOSITORY, "target", profile, "xds") for profile in ("release", "debug")]
    built = [path for path in built if os.path.exists(path)]
    parser.add_argument("--xds", default=built[0] if built else shutil.which("xds"), help="the sidecar (default: the one built here)")
    parser.add_argument("--envoy", default=os.environ.get("ENVOY_BIN") or shutil.which("envoy"), help="default: $ENVOY_BIN, or the one in the path")
    options = parser.parse_args()
    lacking = missing(options)
    if lacking:
        print("SKIPPED: a gateway on a live node needs %s" % lacking)
        return 1 if os.environ.get("REQUIRE_ALL") else 0

    clean()
    story = Story()
    with tempfile.TemporaryDirectory(prefix="igw-gateway-") as folder:
        backends(folder)
        igw_envoy("install")
        gateway = Gateway(folder, options.xds, options.envoy)
        try:
            story.row("the gateway", "`xds`, `envoy`", "ready" if gateway.ready() else "not ready", bool(gateway.ready()))
            prepare(story)
            expose_everything(story)
            renew(story)
            mistakes(story)
            conflict(story)
            restarts(story, gateway)
        finally:
            code = gateway.end()
            story.row("the end", "SIGTERM", "the sidecar's exit code: %s" % code, code == 0)
            clean()
            igw_envoy("uninstall")
            if story.wrong:
                with open(gateway.log) as stream:
                    print("\nThe sidecar's log:\n\n%s" % stream.read())
    print("\n%s" % ("Not as it should be: " + ", ".join(story.wrong) if story.wrong else "Everything was as it should be."))
    return 1 if story.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
