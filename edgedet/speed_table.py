"""The report of a speed measurement as text for a terminal or a pull request."""

from collections.abc import Iterable, Mapping
from typing import Any

from edgedet.estimate import ESTIMATE
from edgedet.estimate_text import estimate_text
from edgedet.published import PublishedRow
from edgedet.runtime.speed_text import SPEEDS, number, titled_table
from edgedet.runtime.speed_text import speed_text as measured_text
from edgedet.speed_comparison import Comparison

_PROVEN = "parity: `edgedet export` writes no model whose parity with PyTorch failed"
_PROVEN_INT8 = "accuracy: `edgedet export --int8` writes no model that lost more AP than allowed"


def speed_text(report: Mapping[str, Any], comparison: Comparison | None = None) -> str:
    """Return headline, tables and remarks; the tables are Markdown and plain ASCII."""
    is_estimate = report["kind"] == ESTIMATE
    parts = [estimate_text(report) if is_estimate else measured_text(dict(report))]
    if report.get("host"):
        parts.insert(0, f"measured on {report['host']}, over ssh")
    ours = report.get("adapter") is None
    if not is_estimate and report["model"].endswith(".onnx") and ours:
        parts.append(_PROVEN_INT8 if report.get("precision") == "int8" else _PROVEN)
    if comparison is not None:
        parts += _compared(report, comparison)
    return "\n".join(parts)


def _compared(report: Mapping[str, Any], comparison: Comparison) -> Iterable[str]:
    if not comparison.speed:
        return ["published: no paper of ours gives a speed for this model"]
    return [_published(report, comparison), _conditions(comparison), *comparison.notes]


def _published(report: Mapping[str, Any], comparison: Comparison) -> str:
    ours = _estimated(report) if report["kind"] == ESTIMATE else _measured(report)
    speeds = [_published_row(row, "mean_FPS", "FPS") for row in comparison.speed]
    accuracy = [
        _published_row(row, column.key, f"{column.key} %")
        for row in comparison.accuracy
        for column in row.table.columns
        if column.kind == "metric"
    ]
    return titled_table(
        "published", ("model", "figure", "source", "value"), ours + speeds + accuracy
    )


def _measured(report: Mapping[str, Any]) -> list[list[str]]:
    where = report.get("host") or "here"
    return [
        ["this model", f"FPS, {label}", where, number(report[key]["fps"])] for label, key in SPEEDS
    ]


def _estimated(report: Mapping[str, Any]) -> list[list[str]]:
    where = f"ESTIMATE for {report['device']}"
    return [
        ["this model", f"FPS, {each['precision'].upper()}, {label}", where, number(each[key])]
        for each in report["estimates"]
        for label, key in (("cautious", "cautious_fps"), ("at most", "at_most_fps"))
    ]


def _published_row(row: PublishedRow, key: str, figure: str) -> list[str]:
    where = (row.table.id, row.table.hardware or row.table.dataset)
    source = ", ".join(text for text in where if text)
    return [str(row.values["detector"]), figure, source, str(row.values[key])]


def _conditions(comparison: Comparison) -> str:
    rows = [[c.name, c.published, c.ours] for c in comparison.conditions]
    return titled_table("conditions that differ or are not stated", ("", "published", "here"), rows)
