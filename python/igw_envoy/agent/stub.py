"""The driver files placed in the agent's tree."""

#: The first line of every file that is ours; the rest of it may differ between releases.
MARK = "# Placed by igw-envoy; `igw-envoy uninstall` removes it."

_TEXT = '''\
{mark}
"""The agent's own driver {group}.{driver}, judged by igw-envoy's library.

Without the igw_envoy package, this is the agent's own driver and nothing else.
"""
import sys

from drivers.resource.{group}.{driver} import DRIVER_BASENAME, DRIVER_GROUP, KEYWORDS, {name}

PACKAGE = {package!r}


def load():
    """Imports igw_envoy from where it is installed, whichever Python runs the agent."""
    if "igw_envoy" in sys.modules:
        return
    from importlib import util

    spec = util.spec_from_file_location(
        "igw_envoy", PACKAGE + "/__init__.py", submodule_search_locations=[PACKAGE]
    )
    module = util.module_from_spec(spec)
    sys.modules["igw_envoy"] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        sys.modules["igw_envoy"] = None  # the next import fails at once, and says nothing
        sys.stderr.write("W igw-envoy cannot be used, the agent's own checks are all there is: %s\\n" % error)


try:
    load()
    from igw_envoy import agent

    {name} = agent.take_over({name})
except Exception:
    pass
'''


def text(group: str, driver: str, name: str, package: str) -> str:
    """The file that takes over the driver `group.driver`, whose class is `name`."""
    return _TEXT.format(mark=MARK, group=group, driver=driver, name=name, package=package)
