"""Published speeds beside ours, and every condition under which the two were not taken alike."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from edgedet.bench_place import CPU
from edgedet.estimate import ESTIMATE
from edgedet.published import (
    ACCURACY_TABLE,
    SPEED_TABLE,
    PublishedRow,
    published_table,
    rows_for,
)

NOT_STATED = "not stated"


@dataclass(frozen=True)
class Condition:
    """One circumstance of a measurement, in the paper and here."""

    name: str
    published: str
    ours: str

    @property
    def known_equal(self) -> bool:
        """True only when the paper states it and ours is the same."""
        return self.published == self.ours


@dataclass(frozen=True)
class Comparison:
    """What the papers print about the model that was measured."""

    speed: tuple[PublishedRow, ...]
    accuracy: tuple[PublishedRow, ...]
    """Rows that say what the published speed was good for; nothing of it is measured here."""
    conditions: tuple[Condition, ...]
    """Those that differ, or cannot be known to agree."""
    notes: tuple[str, ...]


def compare_with_published(report: Mapping[str, Any]) -> Comparison:
    """Return the published rows for the model of a report; beside an estimate all of the table.

    All parts are empty when no paper gives a speed for a model that was measured.
    """
    if report["kind"] == ESTIMATE:
        return _beside_estimate(report)
    rows = rows_for(report["builder"] or "")
    speed = tuple(row for row in rows if row.table.id == SPEED_TABLE)
    if not speed:
        return Comparison((), (), (), ())
    accuracy = tuple(row for row in rows if row.table.id == ACCURACY_TABLE)
    return _comparison(speed, accuracy, _conditions(speed[0], report))


def comparison_as_json(comparison: Comparison | None) -> dict[str, Any] | None:
    """Return plain JSON types: `rows`, `conditions`, `notes`; None stays None."""
    if comparison is None:
        return None
    return {
        "rows": [
            {"table": row.table.id, "number": row.table.number, **row.values}
            for row in comparison.speed + comparison.accuracy
        ],
        "conditions": [asdict(condition) for condition in comparison.conditions],
        "notes": list(comparison.notes),
    }


def _beside_estimate(report: Mapping[str, Any]) -> Comparison:
    table = published_table(SPEED_TABLE)
    rows = tuple(PublishedRow(table, row) for row in table.rows)
    names = " and ".join(each["precision"] for each in report["estimates"])
    conditions = (
        Condition("hardware", table.hardware or NOT_STATED, f"{report['device']}, not here"),
        Condition("precision", NOT_STATED, names),
        Condition("batch", NOT_STATED, str(report["batch"])),
        _input_size(rows[0], report),
        Condition("what is timed", NOT_STATED, "nothing: bounds of the network alone"),
        Condition("software", NOT_STATED, "any engine that TensorRT might build"),
    )
    return _comparison(rows, (), conditions)


def _comparison(
    speed: tuple[PublishedRow, ...],
    accuracy: tuple[PublishedRow, ...],
    conditions: tuple[Condition, ...],
) -> Comparison:
    differing = tuple(c for c in conditions if not c.known_equal)
    return Comparison(speed, accuracy, differing, speed[0].table.notes)


def _input_size(row: PublishedRow, report: Mapping[str, Any]) -> Condition:
    side, size = row.values["input_side"], report["input_size_hw"]
    ours = f"{size[1]}x{size[0]}" if size else "not recorded in the model"
    return Condition("input size", f"{side}x{side}", ours)


def _conditions(row: PublishedRow, report: Mapping[str, Any]) -> tuple[Condition, ...]:
    return (
        Condition("hardware", row.table.hardware or NOT_STATED, _hardware(report)),
        Condition("precision", NOT_STATED, report["precision"] or "not recorded in the model"),
        Condition("batch", NOT_STATED, str(report["batch"])),
        _input_size(row, report),
        Condition("what is timed", NOT_STATED, "frame to result; engine call; network only"),
        Condition("software", NOT_STATED, _software(report["environment"])),
        Condition("images", row.table.dataset or NOT_STATED, report["source"]),
    )


def _hardware(report: Mapping[str, Any]) -> str:
    environment = report["environment"]
    if report["device"] != CPU:
        return ", ".join(filter(None, (environment["board"], report["device"])))
    threads = environment["threads"] or "the engine's own number of"
    return f"{environment['cpu']}, {environment['usable_cores']} cores, {threads} threads"


def _software(environment: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in environment["packages"].items())
