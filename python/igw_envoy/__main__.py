"""`python -m igw_envoy`, also installed as `igw-envoy` and `xds`.

`install`, `uninstall` and `status` look after the driver files in an OpenSVC agent. Every other
command is the gateway's own, run by the library: what the `xds` binary does, this does.
"""
import argparse
import ctypes
import signal
import sys
from typing import List, Optional

from . import installer
from ._library import LibraryError, library

COMMANDS = {
    "install": "place the driver files in the OpenSVC agent of this machine",
    "uninstall": "remove them",
    "status": "tell whether they are in place, and whether the library loads",
}


def main(arguments: Optional[List[str]] = None) -> int:
    """Runs a command; returns the process's exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] in COMMANDS:
        return _look_after(arguments)
    if arguments in (["-h"], ["--help"], []):
        print("The drivers of the OpenSVC agent:\n")
        for name, text in COMMANDS.items():
            print("  igw-envoy %-10s %s" % (name, text))
        print("\nEverything else, as the xds command:\n")
        sys.stdout.flush()
        arguments = ["--help"]
    return _xds("igw-envoy", arguments)


def xds() -> int:
    """The `xds` command."""
    return _xds("xds", sys.argv[1:])


def _look_after(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(prog="igw-envoy", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--agent", metavar="DIR", help="the agent's tree (default: %s)" % installer.ROOT)
        if name == "uninstall":
            command.add_argument("--force", action="store_true", help="even where that breaks a service")
    options = parser.parse_args(arguments)
    try:
        agent = installer.Agent(options.agent)
        if options.command == "install":
            lines = installer.install(agent)
        elif options.command == "uninstall":
            lines = installer.uninstall(agent, options.force)
        else:
            lines = installer.status(agent)
        for line in lines:
            print(line)
    except (installer.InstallError, OSError) as error:
        print("igw-envoy: %s" % error, file=sys.stderr)
        return 1
    return 0


def _xds(name: str, arguments: List[str]) -> int:
    try:
        lib = library()
    except LibraryError as error:
        print("%s: %s" % (name, error), file=sys.stderr)
        return 1
    # the library waits for SIGINT itself; Python would only notice after the call
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    words = [name] + arguments
    argv = (ctypes.c_char_p * len(words))(*[word.encode("utf-8", "surrogateescape") for word in words])
    return int(lib.igw_sidecar_run(len(words), argv))


if __name__ == "__main__":
    sys.exit(main())
