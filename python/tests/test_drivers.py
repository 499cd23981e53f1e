"""The drivers in a stand-in of the agent: what is refused, what passes, what is only a remark."""
import json
import os

from .support import GOOD, AgentTestCase

BAD_PORT = GOOD.replace("port = 80\n", "port = abc\n", 1)


class WithTheDrivers(AgentTestCase):
    def setUp(self):
        super().setUp()
        self.install()
        self.store()

    def assert_refused_and_not_stored(self, result, *texts):
        self.assert_refused(result, *texts)
        self.assertEqual(self.stored(), GOOD)

    def test_a_valid_change_is_stored_untouched(self):
        self.assert_passes(self.om("set", "web", "expose#0.port=81"))
        self.assertIn("port = 81", self.stored())

    def test_one_line_for_each_error_and_nothing_stored(self):
        self.assert_refused_and_not_stored(self.om("set", "web", "expose#0.port=abc"), "expose#0.port")
        self.assert_refused_and_not_stored(
            self.om("set", "web", "expose#0.port=abc", "expose#0.vhosts=vhost#7"),
            "expose#0.port",
            "vhost#7",
        )

    def test_what_another_section_breaks_is_refused_too(self):
        self.assert_refused_and_not_stored(self.om("delete", "web", "vhost#0"), "vhost#0")
        self.assert_refused_and_not_stored(self.om("unset", "web", "expose#0.port"), "expose#0.port")

    def test_what_the_agent_judges_by_itself_is_judged_here(self):
        for change in ("expose#0.lb_policy=toto", "route#0.redirect_https_redirect=maybe", "expose#0.port=inf"):
            self.assert_refused_and_not_stored(self.om("set", "web", change), change.split("=")[0])

    def test_the_first_expose_of_a_service_is_judged(self):
        """Its driver is imported in the middle of the validation that it has to join."""
        self.store("[DEFAULT]\nnodes = node1\n\n[ip#0]\ntype = host\nexpose = expose#0\n", service="new")
        result = self.om("set", "new", "expose#0.type=envoy", "expose#0.port=abc")
        self.assert_refused(result, "expose#0.port")
        self.assert_passes(self.om("set", "new", "expose#0.type=envoy", "expose#0.port=80"))

    def test_the_listener_port_may_be_left_out(self):
        self.assert_passes(self.om("unset", "web", "expose#0.listener_port"))
        code, said = self.om("status", "web")
        self.assertEqual(code, 0, said)
        expose = json.loads(said.splitlines()[0])
        self.assertIn("80/tcp via 0.0.0.0:80", expose[2])
        self.assertEqual(expose[4]["listener_port"], 80)

    def test_an_unknown_keyword_is_a_warning_with_a_suggestion(self):
        code, said = self.om("set", "web", "expose#0.listner_port=81")
        self.assertEqual(code, 0, said)
        self.assertIn("listener_port", said)

    def test_new_keywords_are_known_to_the_agent(self):
        self.assert_passes(self.om("set", "web", "route#0.route_use_websocket=true"))
        code, said = self.om("status", "web")
        self.assertIn('"route_use_websocket": true', said)

    def test_references_and_scopes_are_evaluated(self):
        self.assert_passes(self.om("set", "web", "env.web=8090", "expose#0.port={env.web}"))
        self.assert_passes(self.om("set", "web", "expose#0.port={node.labels.port}"))
        result = self.om("set", "web", "DEFAULT.nodes=node1 node2", "expose#0.port@node2=abc")
        self.assert_refused(result, "on node2")

    def test_braces_that_are_no_reference_are_a_warning(self):
        code, said = self.om("set", "web", "route#0.match_path=/{user}", "route#0.match_prefix=")
        self.assertEqual(code, 0, said)
        self.assertIn("'{user}' is not a reference that the agent knows", said)

    def test_a_value_of_the_default_section_is_inherited(self):
        self.assert_refused(self.om("set", "web", "DEFAULT.lb_policy=toto"), "expose#0.lb_policy")

    def test_an_ip_that_inherits_what_it_exposes_publishes_it(self):
        inherited = GOOD.replace("\nexpose = expose#0", "").replace("nodes = node1", "nodes = node1\nexpose = expose#0")
        self.store(inherited)
        self.assert_passes(self.om("set", "web", "expose#0.port=81"))

    def test_an_ip_in_a_container_publishes_nothing(self):
        for inside in ("encap = true", "tags = blue encap"):
            self.store(GOOD.replace("type = host", "type = host\n" + inside))
            self.assert_passes(self.om("set", "web", "expose#0.port=81"), "no ip section names", "container")

    def test_validate_and_edit_judge_as_set_does(self):
        candidate = os.path.join(self.root, "candidate")
        with open(candidate, "w") as stream:
            stream.write(BAD_PORT)
        self.assert_refused(self.om("edit", "web", candidate), "expose#0.port")
        self.assert_passes(self.om("validate"))
        self.store(BAD_PORT)
        self.assert_refused(self.om("validate"), "expose#0.port")

    def test_what_a_peer_has_accepted_is_installed(self):
        """Refused, it would leave the nodes with different configurations."""
        received = os.path.join(self.root, "received")
        with open(received, "w") as stream:
            stream.write(BAD_PORT)
        self.assert_passes(self.om("receive", "web", received), "expose#0.port")
        self.assertEqual(self.stored(), BAD_PORT)

    def test_scalers_and_namespaces_are_judged(self):
        scaler = GOOD.replace("nodes = node1", "nodes = node1\nscale = 2")
        candidate = os.path.join(self.root, "candidate")
        with open(candidate, "w") as stream:
            stream.write(scaler.replace("port = 80\n", "port = abc\n", 1))
        for service in ("scaler", "test/svc/scaler"):
            self.store(scaler, service)
            self.assert_refused(self.om("set", service, "expose#0.port=abc"), "expose#0.port")
            self.assert_refused(self.om("edit", service, candidate), "expose#0.port")
            self.assert_passes(self.om("set", service, "expose#0.port=81"))


class WithABadValueOnDisk(AgentTestCase):
    def setUp(self):
        super().setUp()
        self.install()

    def test_an_unrelated_change_passes_with_a_warning(self):
        self.store(BAD_PORT)
        self.assert_passes(self.om("set", "web", "env.x=1"), "expose#0.port")
        self.assertIn("x = 1", self.stored())

    def test_another_bad_value_is_refused(self):
        self.store(BAD_PORT)
        self.assert_refused(self.om("set", "web", "expose#0.port=abd"), "expose#0.port")

    def test_the_status_works_and_shows_what_is_wrong(self):
        self.store(BAD_PORT.replace("match_prefix = /", "match_prefix = /\nredirect_https_redirect = maybe"))
        code, said = self.om("status")
        self.assertEqual(code, 0, said)
        logs = {}
        for line in said.splitlines():
            rid, status, _, log, _ = json.loads(line)
            self.assertEqual(status, "n/a")
            logs[rid] = log
        self.assertEqual(logs["expose#0"][0][0], "error")
        self.assertIn("abc", logs["expose#0"][0][1])
        self.assertTrue(any("maybe" in text for _, text in logs["route#0"]))


class WithoutAUsableLibrary(AgentTestCase):
    """Everything is as if nothing had been installed, with one warning."""

    def setUp(self):
        super().setUp()
        self.install()
        self.store()

    def without(self, library):
        self.environment["IGW_ENVOY_LIBRARY"] = library

    def test_a_missing_library(self):
        self.without(os.path.join(self.root, "nowhere.so"))
        self.assert_passes(self.om("set", "web", "expose#0.port=abc"), "nowhere.so")

    def test_a_file_that_is_no_library(self):
        path = os.path.join(self.root, "wrong.so")
        with open(path, "w") as stream:
            stream.write("not a library")
        self.without(path)
        self.assert_passes(self.om("set", "web", "expose#0.port=abc"), "wrong.so")

    def test_a_library_without_the_functions(self):
        self.without("libc.so.6")
        self.assert_passes(self.om("set", "web", "expose#0.port=abc"), "igw_abi_version")

    def test_the_agent_judges_by_itself_again(self):
        self.without(os.path.join(self.root, "nowhere.so"))
        code, said = self.om("set", "web", "expose#0.lb_policy=toto")
        self.assertNotEqual(code, 0, said)
        self.assertIn("not in valid candidates", said)
        code, said = self.om("unset", "web", "expose#0.port")
        self.assertNotEqual(code, 0, said)
        self.assertIn("mandatory", said)

    def test_a_missing_package(self):
        for group in ("expose/envoy", "vhost/envoy", "route/envoy"):
            path = os.path.join(self.root, "opensvc", "drivers", "resource", group, "linux.py")
            with open(path) as stream:
                text = stream.read()
            with open(path, "w") as stream:
                stream.write("\n".join(
                    "PACKAGE = '/nowhere'" if line.startswith("PACKAGE = ") else line
                    for line in text.splitlines()
                ) + "\n")
        self.assert_passes(self.om("set", "web", "expose#0.port=abc"), "igw-envoy cannot be used")
