"""Published speeds beside ours, and every condition under which the two were not taken alike."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from edgedet.published import ACCURACY_TABLE, SPEED_TABLE, PublishedRow, rows_for

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
    """Return the published rows for the model of a `speed.measure_speed` report.

    All parts are empty when no paper gives a speed for it.
    """
    rows = rows_for(report["builder"] or "")
    speed = tuple(row for row in rows if row.table.id == SPEED_TABLE)
    if not speed:
        return Comparison((), (), (), ())
    accuracy = tuple(row for row in rows if row.table.id == ACCURACY_TABLE)
    conditions = _conditions(speed[0], report)
    differing = tuple(c for c in conditions if not c.known_equal)
    return Comparison(speed, accuracy, differing, speed[0].table.notes)


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


def _conditions(row: PublishedRow, report: Mapping[str, Any]) -> tuple[Condition, ...]:
    side = row.values["input_side"]
    height, width = report["input_size_hw"]
    return (
        Condition("hardware", row.table.hardware or NOT_STATED, _hardware(report)),
        Condition("precision", NOT_STATED, report["precision"] or "not recorded in the model"),
        Condition("batch", NOT_STATED, str(report["batch"])),
        Condition("input size", f"{side}x{side}", f"{width}x{height}"),
        Condition("what is timed", NOT_STATED, "frame to result; engine call; network only"),
        Condition("software", NOT_STATED, _software(report["environment"])),
        Condition("images", row.table.dataset or NOT_STATED, report["source"]),
    )


def _hardware(report: Mapping[str, Any]) -> str:
    environment = report["environment"]
    threads = report["environment"]["threads"] or "the engine's own number of"
    return f"{environment['cpu']}, {environment['usable_cores']} cores, {threads} threads"


def _software(environment: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in environment["packages"].items())
