"""What the functions return: plain values, none of which can be changed."""
import json
from typing import Any, Dict, List, NamedTuple, Optional, Tuple


class Diagnostic(
    NamedTuple(
        "Diagnostic",
        [
            ("severity", str),
            ("code", str),
            ("section", Optional[str]),
            ("keyword", Optional[str]),
            ("message", str),
            ("hint", str),
            ("incumbent", Optional[str]),
        ],
    )
):
    """One finding.

    `severity` is `error`, `warning` or `info`; `code` is stable, and :func:`igw_envoy.explain` has
    its long text; `section` and `keyword` are None where no single one is at fault; `hint` says what
    to write instead, and may be empty; in a conflict, `incumbent` is the expose that was there first.
    """

    __slots__ = ()

    def __str__(self) -> str:
        """One line, in which nothing acts on a terminal: names come from whoever wrote the configuration."""
        place = ".".join(part for part in (self.section, self.keyword) if part)
        line = "%s: %s" % (place, self.message) if place else self.message
        return _printable("%s; %s" % (line, self.hint) if self.hint else line)


def _printable(text: str) -> str:
    """The text with what is invisible, or would do something, as its escape."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )


class Report(NamedTuple("Report", [("service", str), ("diagnostics", Tuple[Diagnostic, ...])])):
    """The findings on one service, worst first."""

    __slots__ = ()

    @classmethod
    def from_json(cls, text: str) -> "Report":
        """A report from the library's JSON."""
        data = json.loads(text)
        return cls(
            data["service"],
            tuple(
                Diagnostic(
                    d["severity"],
                    d["code"],
                    d.get("section"),
                    d.get("keyword"),
                    d["message"],
                    d.get("hint", ""),
                    d.get("incumbent"),
                )
                for d in data["diagnostics"]
            ),
        )

    @property
    def errors(self) -> Tuple[Diagnostic, ...]:
        """What makes the configuration wrong."""
        return self._of("error")

    @property
    def warnings(self) -> Tuple[Diagnostic, ...]:
        """What is served, but probably not as meant."""
        return self._of("warning")

    @property
    def worst(self) -> Optional[str]:
        """The worst severity found; None when there is nothing to say."""
        return self.diagnostics[0].severity if self.diagnostics else None

    def _of(self, severity: str) -> Tuple[Diagnostic, ...]:
        return tuple(d for d in self.diagnostics if d.severity == severity)


class Translation(NamedTuple("Translation", [("resources", Dict[str, List[Dict[str, Any]]]), ("report", Report)])):
    """Envoy's v3 resources for one service, each as protobuf's canonical JSON."""

    __slots__ = ()

    @classmethod
    def from_json(cls, text: str, report: Report) -> "Translation":
        """A translation from the library's JSON."""
        return cls(json.loads(text), report)

    @property
    def clusters(self) -> List[Dict[str, Any]]:
        """CDS."""
        return self.resources["clusters"]

    @property
    def endpoints(self) -> List[Dict[str, Any]]:
        """EDS."""
        return self.resources["endpoints"]

    @property
    def secrets(self) -> List[Dict[str, Any]]:
        """SDS, without private keys."""
        return self.resources["secrets"]

    @property
    def listeners(self) -> List[Dict[str, Any]]:
        """LDS."""
        return self.resources["listeners"]

    @property
    def routes(self) -> List[Dict[str, Any]]:
        """RDS."""
        return self.resources["routes"]
