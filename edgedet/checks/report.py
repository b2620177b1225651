"""What the checks found: findings, and the counts they rest on."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from edgedet.runtime.errors import DataError

SCHEMA_VERSION = 1
"""Raised when a key of the JSON changes its meaning or goes."""
SEVERITIES = ("error", "warning", "note")
"""An error stops training or makes its numbers wrong; a warning probably harms; a note is for
information."""


EXAMPLES = 5
"""Places that a finding shows at most."""


class Place(NamedTuple):
    """One spot of the data set where something was found."""

    file: str
    """Path of an image or label file."""
    where: str
    """What in or about it: "annotation 7", "line 3", "same as images/b.jpg"; may be empty."""


@dataclass(frozen=True)
class Finding:
    """One kind of thing that was found, however often."""

    code: str
    """Kebab-case name that stays the same, for scripts."""
    severity: str
    """One of `SEVERITIES`."""
    what: str
    """One sentence for people."""
    count: int
    """How many images, boxes, lines or classes it concerns, at least 1."""
    examples: tuple[Place, ...]
    """The first or worst few places."""
    fix: str
    """What to do."""


class Kind(NamedTuple):
    """What all findings of one code have in common."""

    code: str
    severity: str
    fix: str

    def found(self, what: str, places: Sequence[Place], count: int | None = None) -> list[Finding]:
        """Return one finding, or none when there is no place. `count`: when not one a place."""
        if not places:
            return []
        number, examples = count or len(places), tuple(places[:EXAMPLES])
        return [Finding(self.code, self.severity, what, number, examples, self.fix)]


def counted(number: int, noun: str) -> str:
    """Return "1 box", "2 boxes"."""
    ending = "es" if noun.endswith(("x", "s")) else "s"
    return f"{number} {noun}{'' if number == 1 else ending}"


@dataclass(frozen=True)
class SplitSummary:
    """What one split holds. Only objects that can be trained on or evaluated are counted."""

    split: str
    """"train", "val" or "test"."""
    source: str
    """Path of the file or folder that was read."""
    images: int
    background: int
    """Images without any object."""
    objects: dict[str, int]
    """Class name to its number of objects."""


@dataclass(frozen=True)
class CheckReport:
    """The result of `check_data`."""

    data: str
    """The data set as it was named."""
    format: str
    """"coco", "voc", "yolo" or "visdrone"."""
    splits: tuple[SplitSummary, ...]
    """Those that could be read."""
    auto_weights: dict[str, float]
    """Class name to n_max / n_c of the first split: what `class_weights: auto` becomes."""
    findings: tuple[Finding, ...]
    """Errors first, then warnings, then notes."""

    def counts(self) -> dict[str, int]:
        """Return how many findings there are of each severity."""
        counted = Counter(finding.severity for finding in self.findings)
        return {severity: counted[severity] for severity in SEVERITIES}

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, ready for JSON."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self), "counts": self.counts()} | {
            "findings": [_finding_dict(finding) for finding in self.findings]
        }

    def to_json(self) -> str:
        """Return the report as JSON text."""
        return json.dumps(self.to_dict(), indent=2)

    def raise_if(self, *, strict: bool) -> None:
        """Raise `DataError` when there is an error or, if `strict`, a warning.

        One line that counts; the findings themselves are in the table or the JSON.
        """
        counts = self.counts()
        if counts["error"] or (strict and counts["warning"]):
            error = DataError(
                f"{'no error and no warning' if strict else 'no error'} in {Path(self.data)}",
                " and ".join(counted(counts[name], name) for name in SEVERITIES[:2]),
                "see the findings above",
            )
            error.facts = {"checks": self.to_dict()}
            raise error


def _finding_dict(finding: Finding) -> dict[str, Any]:
    return asdict(finding) | {"examples": [place._asdict() for place in finding.examples]}
