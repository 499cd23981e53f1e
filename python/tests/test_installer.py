"""`igw-envoy install | uninstall | status`."""
import glob
import os

from .support import AgentTestCase


class Installer(AgentTestCase):
    def tree(self):
        pattern = os.path.join(self.root, "opensvc", "**", "*.py")
        return sorted(path for path in glob.glob(pattern, recursive=True))

    def test_it_adds_five_files_and_takes_them_away(self):
        before = self.tree()
        code, said = self.igw_envoy("install")
        self.assertEqual(code, 0, said)
        self.assertEqual(said.count("placed "), 5, said)
        self.assertEqual(len(self.tree()), len(before) + 5)
        code, said = self.igw_envoy("uninstall")
        self.assertEqual(code, 0, said)
        self.assertEqual(said.count("removed "), 5, said)
        self.assertEqual(self.tree(), before)

    def test_status_tells_what_is_there(self):
        code, said = self.igw_envoy("status")
        self.assertEqual(said.count("not installed: "), 5, said)
        self.install()
        code, said = self.igw_envoy("status")
        self.assertEqual(code, 0)
        self.assertEqual(said.count("in place "), 5, said)
        self.assertIn("library ", said)

    def test_installing_again_mends_what_is_of_another_release(self):
        self.install()
        path = os.path.join(self.root, "opensvc", "drivers", "resource", "vhost", "envoy", "linux.py")
        with open(path, "a") as stream:
            stream.write("# of another release\n")
        code, said = self.igw_envoy("install")
        self.assertEqual(code, 0, said)
        self.assertEqual((said.count("kept "), said.count("updated ")), (4, 1), said)

    def test_somebody_elses_file_is_left_alone(self):
        path = os.path.join(self.root, "opensvc", "drivers", "resource", "vhost", "envoy", "linux.py")
        with open(path, "w") as stream:
            stream.write("# mine\n")
        before = self.tree()
        code, said = self.igw_envoy("install")
        self.assertEqual(code, 1, said)
        self.assertIn(path, said)
        self.assertEqual(self.tree(), before)

    def test_uninstalling_does_not_strand_an_expose_without_listener_port(self):
        self.install()
        self.store("[DEFAULT]\nnodes = node1\n\n[expose#0]\ntype = envoy\nport = 80\n")
        code, said = self.igw_envoy("uninstall")
        self.assertEqual(code, 1, said)
        self.assertIn("expose#0", said)
        code, said = self.igw_envoy("uninstall", "--force")
        self.assertEqual(code, 0, said)

    def test_no_agent_is_a_plain_message(self):
        os.rename(os.path.join(self.root, "opensvc"), os.path.join(self.root, "elsewhere"))
        code, said = self.igw_envoy("install")
        self.assertEqual(code, 1)
        self.assertIn("no OpenSVC agent", said)
        self.assertNotIn("Traceback", said)
