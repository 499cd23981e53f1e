"""What the tests share: the library under test, and a stand-in of the agent."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

TESTS = os.path.dirname(os.path.abspath(__file__))
PYTHON = os.path.dirname(TESTS)
REPOSITORY = os.path.dirname(PYTHON)

#: The library that `cargo build` and `cargo test` make; `IGW_ENVOY_LIBRARY` names another.
LIBRARY = os.environ.setdefault(
    "IGW_ENVOY_LIBRARY", os.path.join(REPOSITORY, "target", "debug", "deps", "libigw_envoy.so")
)

if not os.path.exists(LIBRARY):
    raise SystemExit("%s is missing: run `cargo build` first" % LIBRARY)

GOOD = """\
[DEFAULT]
nodes = node1

[ip#0]
type = host
expose = expose#0

[expose#0]
type = envoy
port = 80
listener_port = 8080
vhosts = vhost#0

[vhost#0]
type = envoy
domains = www.acme.com
routes = route#0

[route#0]
type = envoy
match_prefix = /
"""


class AgentTestCase(unittest.TestCase):
    """A stand-in of an installed agent, in a directory of its own, and services in it."""

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="igw-envoy-agent-")
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copytree(os.path.join(TESTS, "standin", "opensvc"), os.path.join(self.root, "opensvc"))
        self.etc = os.path.join(self.root, "etc")
        os.mkdir(self.etc)
        self.environment = dict(os.environ, STANDIN_ETC=self.etc, PYTHONDONTWRITEBYTECODE="1")

    def igw_envoy(self, *words):
        """Runs the package's command on this agent. Returns the exit code and what was said."""
        command = [sys.executable, "-m", "igw_envoy"] + list(words) + ["--agent", self.root]
        return self._run(command, dict(self.environment, PYTHONPATH=PYTHON))

    def install(self):
        code, said = self.igw_envoy("install")
        self.assertEqual(code, 0, said)

    def om(self, command, service="web", *arguments):
        """Runs a command of the agent in a process of its own, as the agent does."""
        words = [sys.executable, os.path.join(self.root, "opensvc"), command, service]
        return self._run(words + list(arguments), self.environment)

    def store(self, text=GOOD, service="web"):
        """Writes a configuration as if it had always been there."""
        with open(self.path(service), "w") as stream:
            stream.write(text)

    def stored(self, service="web"):
        try:
            with open(self.path(service)) as stream:
                return stream.read()
        except OSError:
            return None

    def path(self, service):
        return os.path.join(self.etc, service.rpartition("/")[2] + ".conf")

    def assert_refused(self, result, *texts):
        """The command failed with a line for each of the texts, in the agent's own style."""
        code, said = result
        self.assertNotEqual(code, 0, said)
        errors = [line for line in said.splitlines() if line.startswith("E option ")]
        self.assertEqual(len(errors), len(texts), said)
        for text in texts:
            self.assertTrue(any(text in line for line in errors), said)
        self.assertNotIn("Traceback", said)

    def assert_passes(self, result, *warnings):
        """The command succeeded, with a warning for each of the texts and without errors."""
        code, said = result
        self.assertEqual(code, 0, said)
        self.assertNotIn("E ", said)
        self.assertNotIn("Traceback", said)
        lines = [line for line in said.splitlines() if line.startswith("W ")]
        self.assertEqual(len(lines), len(warnings), said)
        for text in warnings:
            self.assertTrue(any(text in line for line in lines), said)

    def _run(self, command, environment):
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True
        )
        return done.returncode, done.stdout
