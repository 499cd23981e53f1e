"""Puts the library into the package, and says in the wheel's name that it is there.

`make wheel` builds it for an old glibc; `pip install ./python` builds it with the Rust toolchain of
this machine, for its glibc.
"""
import os
import re
import shutil
import subprocess

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

HERE = os.path.dirname(os.path.abspath(__file__))
CRATE = os.path.dirname(HERE)

#: A library that was built already, instead of building one.
GIVEN = os.environ.get("IGW_ENVOY_CDYLIB")


def version():
    """The crate's version is the package's."""
    with open(os.path.join(CRATE, "Cargo.toml"), encoding="utf-8") as stream:
        return re.search(r'^version = "(.*)"$', stream.read(), re.MULTILINE).group(1)


def library():
    """The path of the library, built where none is given."""
    if GIVEN:
        return os.path.abspath(GIVEN)
    # as a cdylib alone: as cdylib and rlib together, it would not get link-time optimisation
    command = ["cargo", "rustc", "--release", "--locked", "--lib", "--crate-type", "cdylib"]
    subprocess.check_call(command, cwd=CRATE)
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(CRATE, "target"))
    return os.path.join(target, "release", "libigw_envoy.so")


class BuildWithLibrary(build_py):
    def run(self):
        super().run()
        shutil.copy2(library(), os.path.join(self.build_lib, "igw_envoy", "libigw_envoy.so"))


class AnyPythonOnePlatform(bdist_wheel):
    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


class WithLibrary(Distribution):
    def has_ext_modules(self):
        return True


setup(
    version=version(),
    distclass=WithLibrary,
    cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": AnyPythonOnePlatform},
)
