"""The binding: plain values in and out, whatever the thread or process."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from .support import LIBRARY, PYTHON, REPOSITORY

sys.path.insert(0, PYTHON)

import igw_envoy  # noqa: E402
from igw_envoy import _abi  # noqa: E402

WRONG = {"path": "test/svc/web", "sections": {"expose#0": {"type": "envoy", "port": "abc"}}}
GOOD = {
    "path": "test/svc/web",
    "sections": {"expose#0": {"type": "envoy", "port": "80", "listener_port": "8080"}},
}


def status_of(path, sections, ip=True):
    """A daemon's status with one service, whose address lists the sections unless told otherwise."""
    resources = {
        section: {"type": section.split("#")[0] + ".envoy", "status": "n/a", "label": "", "info": info}
        for section, info in sections.items()
    }
    if ip:
        info = {"ipaddr": "192.0.2.1", "expose": list(sections)}
        resources["ip#0"] = {"type": "ip.host", "status": "up", "label": "", "info": info}
    instance = {"avail": "up", "resources": resources}
    node = {"monitor": {"status": "idle"}, "services": {"config": {}, "status": {path: instance}}}
    return json.dumps({"monitor": {"nodes": {"node1": node}}})


class Validate(unittest.TestCase):
    def test_a_finding_says_where_and_what(self):
        report = igw_envoy.validate(WRONG)
        self.assertEqual(report.service, "test/svc/web")
        self.assertEqual(report.worst, "error")
        (found,) = report.errors
        self.assertEqual((found.section, found.keyword), ("expose#0", "port"))
        self.assertIn("abc", found.message)
        self.assertGreater(len(igw_envoy.explain(found.code)), 40)

    def test_a_good_service_has_no_errors(self):
        self.assertEqual(igw_envoy.validate(GOOD).errors, ())

    def test_values_cannot_be_changed(self):
        report = igw_envoy.validate(WRONG)
        with self.assertRaises(AttributeError):
            report.service = "other"
        with self.assertRaises(AttributeError):
            report.diagnostics[0].message = "other"

    def test_conflicts_name_the_incumbent(self):
        info = {"port": 80, "protocol": "tcp", "listener_port": 8080, "lb_policy": "round robin"}
        facts = igw_envoy.Facts(status=status_of("other", {"expose#0": info}))
        (found,) = igw_envoy.validate(GOOD, facts).errors
        self.assertEqual(found.incumbent, "other.expose#0")
        mine = igw_envoy.Facts(status=status_of("test/svc/web", {"expose#0": info}))
        self.assertEqual(igw_envoy.validate(GOOD, mine).errors, ())

    def test_an_expose_that_no_ip_lists_holds_nothing(self):
        info = {"port": 80, "protocol": "tcp", "listener_port": 8080, "lb_policy": "round robin"}
        facts = igw_envoy.Facts(status=status_of("other", {"expose#0": info}, ip=False))
        self.assertEqual(igw_envoy.validate(GOOD, facts).errors, ())

    def test_a_finding_is_one_line_whatever_a_section_is_called(self):
        found = igw_envoy.Diagnostic("error", "x", "expose#\x1b[31m\n\u202e0", "po\nrt", "is wrong", "", None)
        self.assertEqual(str(found), "expose#\\x1b[31m\\n\\u202e0.po\\nrt: is wrong")
        plain = igw_envoy.Diagnostic("error", "x", "vhost#m\u00fcnchen", None, "is wrong", "mend it", None)
        self.assertEqual(str(plain), "vhost#m\u00fcnchen: is wrong; mend it")

    def test_misuse_raises(self):
        for service in ([], {}, {"path": "web"}, {"path": "a//b", "sections": {}}):
            with self.assertRaises(ValueError):
                igw_envoy.validate(service)
        with self.assertRaises(ValueError):
            igw_envoy.Facts(status="{}")
        with self.assertRaises(KeyError):
            igw_envoy.explain("no-such-code")


class Translate(unittest.TestCase):
    def test_resources_are_plain(self):
        translation = igw_envoy.translate(GOOD)
        self.assertEqual([c["name"] for c in translation.clusters], ["test/svc/web.expose#0"])
        self.assertEqual([r["name"] for r in translation.listeners], ["0.0.0.0:8080/tcp"])
        self.assertEqual(translation.report.errors, ())

    def test_the_report_comes_along(self):
        translation = igw_envoy.translate(WRONG)
        self.assertEqual(translation.clusters, [])
        self.assertEqual(translation.report.worst, "error")


class Tables(unittest.TestCase):
    def test_the_packaged_keywords_are_those_of_the_library(self):
        with open(os.path.join(PYTHON, "igw_envoy", "keywords.json")) as stream:
            self.assertEqual(json.load(stream), igw_envoy.keywords())

    def test_every_function_of_the_header_is_declared_or_left_to_c(self):
        left_to_c = {"igw_abi_version", "igw_report_len", "igw_report_get", "igw_report_worst"}
        with open(os.path.join(REPOSITORY, "tests", "abi", "symbols.txt")) as stream:
            symbols = set(stream.read().split())
        self.assertEqual(set(_abi._SIGNATURES) | left_to_c, symbols)

    def test_versions(self):
        self.assertEqual(igw_envoy.abi_version(), 1)
        self.assertRegex(igw_envoy.version(), r"^\d+\.\d+\.\d+")


class AnyThreadAnyProcess(unittest.TestCase):
    def test_threads(self):
        failures = []

        def judge():
            for _ in range(50):
                if igw_envoy.validate(WRONG).worst != "error" or igw_envoy.validate(GOOD).errors:
                    failures.append(threading.current_thread().name)

        threads = [threading.Thread(target=judge) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_after_fork(self):
        igw_envoy.validate(WRONG)
        child = os.fork()
        if child == 0:
            worst = igw_envoy.validate(WRONG).worst
            translated = igw_envoy.translate(GOOD).clusters
            os._exit(0 if worst == "error" and translated else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_a_missing_library_says_where_to_get_one(self):
        environment = dict(os.environ, PYTHONPATH=PYTHON, IGW_ENVOY_LIBRARY="/nowhere/lib.so")
        done = subprocess.run(
            [sys.executable, "-c", "import igw_envoy; igw_envoy.version()"],
            env=environment,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        )
        self.assertEqual(done.returncode, 1)
        for words in ("/nowhere/lib.so", "pip install ./python", "IGW_ENVOY_LIBRARY names the file"):
            self.assertIn(words, done.stderr)

    def test_a_fork_while_threads_are_at_work(self):
        """In a fresh process, so that what the library builds at its first use is being built."""
        script = (
            "import igw_envoy, os, signal, threading\n"
            "def judge():\n"
            "    for _ in range(20): igw_envoy.translate(%r)\n"
            "igw_envoy.version()\n"
            "threads = [threading.Thread(target=judge) for _ in range(4)]\n"
            "[thread.start() for thread in threads]\n"
            "children = []\n"
            "for _ in range(10):\n"
            "    child = os.fork()\n"
            "    if child == 0:\n"
            "        signal.alarm(60)\n"
            "        os._exit(0 if igw_envoy.translate(%r).clusters else 1)\n"
            "    children.append(child)\n"
            "assert [os.waitpid(child, 0)[1] for child in children] == [0] * 10\n"
            "[thread.join() for thread in threads]\n" % (GOOD, GOOD)
        )
        environment = dict(os.environ, PYTHONPATH=PYTHON, IGW_ENVOY_LIBRARY=LIBRARY)
        subprocess.run([sys.executable, "-W", "ignore", "-c", script], env=environment, check=True)

    def test_nothing_is_printed_and_no_thread_is_started(self):
        script = (
            "import igw_envoy, os, signal\n"
            "before = signal.getsignal(signal.SIGTERM)\n"
            "igw_envoy.validate(%r); igw_envoy.translate(%r)\n"
            "assert len(os.listdir('/proc/self/task')) == 1\n"
            "assert signal.getsignal(signal.SIGTERM) == before\n" % (WRONG, GOOD)
        )
        environment = dict(os.environ, PYTHONPATH=PYTHON, IGW_ENVOY_LIBRARY=LIBRARY)
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.assertEqual((done.returncode, done.stdout), (0, b""))

    def test_the_library_is_loaded_at_the_first_call_only(self):
        script = (
            "import igw_envoy\n"
            "loaded = lambda: 'libigw_envoy' in open('/proc/self/maps').read()\n"
            "assert not loaded()\n"
            "igw_envoy.version()\n"
            "assert loaded()\n"
        )
        environment = dict(os.environ, PYTHONPATH=PYTHON, IGW_ENVOY_LIBRARY=LIBRARY)
        subprocess.run([sys.executable, "-c", script], env=environment, check=True)


class Command(unittest.TestCase):
    def test_the_gateways_own_command_runs_in_the_library(self):
        environment = dict(os.environ, PYTHONPATH=PYTHON, IGW_ENVOY_LIBRARY=LIBRARY)
        done = subprocess.run(
            [sys.executable, "-m", "igw_envoy", "--version"],
            env=environment, stdout=subprocess.PIPE, universal_newlines=True,
        )
        self.assertEqual(done.returncode, 0)
        self.assertIn(igw_envoy.version(), done.stdout)

    def test_the_sidecar_runs_and_ends_as_asked(self):
        environment = dict(os.environ, PYTHONPATH=PYTHON, IGW_ENVOY_LIBRARY=LIBRARY)
        environment.pop("OPENSVC_LSNR_SOCK", None)
        for asked in (signal.SIGTERM, signal.SIGINT):
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "xds.sock")
                words = ["--port", "0", "--http", "off", "--socket", folder + "/none", "--janitor-socket", path]
                command = [sys.executable, "-m", "igw_envoy"] + words
                child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                deadline = time.monotonic() + 60
                while not os.path.exists(path):
                    self.assertIsNone(child.poll(), "the sidecar has ended")
                    self.assertLess(time.monotonic(), deadline, "the sidecar does not listen")
                    time.sleep(0.02)
                child.send_signal(asked)
                self.assertEqual(child.wait(), 0)
