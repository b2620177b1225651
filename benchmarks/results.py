"""The results of a benchmark: one JSON form for `docs/results/`, and a table on stdout."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from interleaved import PROTOCOL

from edgedet.runtime.atomic import atomic_path

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Finding:
    """One number that was aimed at."""

    name: str
    value: float
    unit: str
    target: float | None = None
    """None: reported without a target."""
    lower_is_better: bool = True

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.target is None:
            return None
        return self.value <= self.target if self.lower_is_better else self.value >= self.target


@dataclass(frozen=True)
class Results:
    """What a benchmark found, and under which circumstances."""

    benchmark: str
    settings: Mapping[str, Any]
    environment: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    findings: Sequence[Finding]
    details: Mapping[str, Any] = field(default_factory=dict)
    """What has no place in rows of times."""
    protocol: str = PROTOCOL
    """How it was measured."""

    def as_json(self) -> dict[str, Any]:
        """Return the form that is committed under `docs/results/`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "benchmark": self.benchmark,
            "command": " ".join(["python", *sys.argv]),
            "protocol": self.protocol,
            "settings": dict(self.settings),
            "environment": dict(self.environment),
            "rows": list(self.rows),
            "findings": [{**asdict(finding), "met": finding.met} for finding in self.findings],
            **({"details": dict(self.details)} if self.details else {}),
        }


def publish(results: Results, out: Path | None) -> None:
    """Print the rows and findings, and write the JSON to `out` when it is given."""
    if out is not None:
        with atomic_path(out) as path:
            path.write_text(json.dumps(results.as_json(), indent=2) + "\n", encoding="utf-8")
    if results.rows:
        print(_rows_text(results.rows))
    for finding in results.findings:
        print(_finding_text(finding))
    if results.environment["machine_busy"]:
        print("MACHINE BUSY at the start: load", results.environment["load_average"])


def _rows_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows of contenders, or of anything else, as a Markdown table."""
    if "ratio_to" not in rows[0]:
        return _table([list(rows[0]), *([str(cell) for cell in row.values()] for row in rows)])
    labels = list(rows[0]["ratio_to"])
    header = ["", "median ms", "p90 ms", *(f"ratio to {label}" for label in labels)]
    lines = [header]
    for row in rows:
        ratios = [f"{row['ratio_to'][label]:.3f}" for label in labels]
        lines.append([row["name"], f"{row['median_ms']:.2f}", f"{row['p90_ms']:.2f}", *ratios])
    return _table(lines)


def _table(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells, the header first."""
    rule = ["---"] + ["---:"] * (len(lines[0]) - 1)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (lines[0], rule, *lines[1:]))


def _finding_text(finding: Finding) -> str:
    text = f"{finding.name}: {finding.value:.3f} {finding.unit}"
    if finding.target is None:
        return text
    sign = "<=" if finding.lower_is_better else ">="
    verdict = "met" if finding.met else "MISSED"
    return f"{text} (target {sign} {finding.target:g}: {verdict})"
