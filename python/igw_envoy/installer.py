"""Places the driver files in an OpenSVC agent, and removes them."""
import glob
import os
import platform
from typing import Dict, Iterator, Optional, Set, Tuple

from ._library import LibraryError, library
from .agent import DRIVERS, stub

#: Where packages put the agent.
ROOT = "/usr/share/opensvc"


class InstallError(Exception):
    """What stands in the way, for the user to read."""


class Agent(object):
    """An installed OpenSVC 2.1 agent."""

    def __init__(self, root: Optional[str] = None) -> None:
        self.root = os.path.abspath(root or os.environ.get("OSVC_ROOT_PATH") or ROOT)
        self.drivers = os.path.join(self.root, "opensvc", "drivers", "resource")
        if not os.path.isdir(self.drivers):
            raise InstallError("there is no OpenSVC agent in %s; name its place with --agent" % self.root)
        packaged = self.root == ROOT
        self.configurations = "/etc/opensvc" if packaged else os.path.join(self.root, "etc")

    def files(self) -> Iterator[Tuple[str, str]]:
        """The files to place: path, content."""
        system = platform.system().lower().replace("-", "")
        package = os.path.dirname(os.path.abspath(__file__))
        for group, driver, name in DRIVERS:
            folder = os.path.join(self.drivers, group, driver)
            if not os.path.isfile(os.path.join(folder, "__init__.py")):
                raise InstallError("this agent has no driver %s.%s: it is not a 2.1 agent" % (group, driver))
            yield os.path.join(folder, system + ".py"), stub.text(group, driver, name, package)

    def without_listener_port(self) -> Iterator[Tuple[str, str]]:
        """The exposes that only work while the driver files are in place: (configuration, section)."""
        pattern = os.path.join(self.configurations, "**", "*.conf")
        for path in sorted(glob.glob(pattern, recursive=True)):
            for section in _exposes_without_listener_port(path):
                yield path, section


def install(agent: Agent) -> Iterator[str]:
    """Places the files. Yields what it did, line by line."""
    files = list(agent.files())
    foreign = [path for path, _ in files if _state(path, None) == "foreign"]
    if foreign:
        raise InstallError("not placed by igw-envoy, remove it first: " + ", ".join(foreign))
    for path, content in files:
        state = _state(path, content)
        if state != "current":
            _write(path, content)
        yield "%s %s" % ({"missing": "placed", "other": "updated", "current": "kept"}[state], path)
    yield _library()
    yield "the daemon keeps the drivers that it has loaded until `om daemon restart`"


def uninstall(agent: Agent, force: bool = False) -> Iterator[str]:
    """Removes the files. Yields what it did, line by line."""
    stranded = list(agent.without_listener_port())
    if stranded and not force:
        raise InstallError(
            "without igw-envoy the agent fails on an expose that has no listener_port; set it, or add "
            "--force:\n  " + "\n  ".join("%s: %s" % place for place in stranded)
        )
    for path, content in agent.files():
        state = _state(path, content)
        if state in ("current", "other"):
            os.unlink(path)
            for compiled in glob.glob(_compiled(path)):
                os.unlink(compiled)
            yield "removed " + path
        else:
            yield "%s %s" % ({"missing": "not there:", "foreign": "not placed by igw-envoy, left:"}[state], path)
    yield "the daemon keeps the drivers that it has loaded until `om daemon restart`"


def status(agent: Agent) -> Iterator[str]:
    """Yields the state of every file, and of the library."""
    words = {
        "current": "in place",
        "other": "of another release, run `igw-envoy install`:",
        "missing": "not installed:",
        "foreign": "not placed by igw-envoy:",
    }
    for path, content in agent.files():
        yield "%s %s" % (words[_state(path, content)], path)
    yield _library()


def _library() -> str:
    try:
        return "library %s" % library().igw_version().decode("ascii")
    except LibraryError as error:
        return "warning: %s" % error


def _state(path: str, content: Optional[str]) -> str:
    """`missing`, `foreign`, `current` (as it would be placed now) or `other`."""
    try:
        with open(path, encoding="utf-8") as stream:
            found = stream.read()
    except FileNotFoundError:
        return "missing"
    if not found.startswith(stub.MARK):
        return "foreign"
    return "current" if found == content else "other"


def _write(path: str, content: str) -> None:
    """All of a file or nothing of it: the agent may import it at any moment."""
    fresh = path + ".new"
    with open(fresh, "w", encoding="utf-8") as stream:
        stream.write(content)
    os.rename(fresh, path)


def _compiled(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, "__pycache__", name[:-3] + ".*.pyc")


def _exposes_without_listener_port(path: str) -> Iterator[str]:
    sections = {}  # type: Dict[str, Set[str]]
    name = None
    with open(path, encoding="utf-8", errors="replace") as stream:
        for text in stream:
            if text.startswith("["):
                name = text.strip("[] \t\r\n")
                sections.setdefault(name, set())
            elif name and "=" in text and not text.startswith((" ", "\t", "#", ";")):
                sections[name].add(text.split("=", 1)[0].split("@", 1)[0].strip())
    inherited = sections.get("DEFAULT", set())
    for section in sorted(sections):
        if section.startswith("expose#") and "listener_port" not in sections[section] | inherited:
            yield section
