"""Judges the configuration of a service: prints one line for each finding, and exits with 1 where one
is an error.

    judge.py SERVICE FILE
"""
import configparser
import sys

import igw_envoy


def main(path, file):
    parser = configparser.RawConfigParser(delimiters=("=",), default_section="-")
    parser.optionxform = str
    with open(file) as text:
        parser.read_file(text)
    sections = {name: dict(parser.items(name)) for name in parser.sections()}
    report = igw_envoy.validate({"path": path, "sections": sections})
    for found in report.diagnostics:
        print("%s %s" % (found.severity, found))
    return 1 if report.errors else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    sys.exit(main(*sys.argv[1:]))
