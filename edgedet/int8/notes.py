"""What a reader of a report has to know before trusting its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .outputs import SCALES
from .pictures import FORM_NAMES

if TYPE_CHECKING:
    from .report import Int8Report

WORTH_IT = 1.1
"""Times as fast as FP32, below which INT8 gains less than a machine drifts."""


def notes_on(report: Int8Report) -> list[str]:
    """Return sentences about bounds that chance reaches, about speed, and what was not measured."""
    return [*_luck(report), *_speed(report), *_unproven(report)]


def slower_note(int8_ms: float, others_ms: dict[str, float], where: str) -> str | None:
    """Return the sentence for a place where INT8 is not faster than another precision, measured;
    None where it is faster than all. others_ms: median by precision; where: "on this CPU".
    """
    faster = {name: value for name, value in others_ms.items() if value <= int8_ms}
    if not faster:
        return None
    best = min(faster, key=lambda name: faster[name])
    return (
        f"INT8 is slower than {best} {where} ({int8_ms:.1f} ms against {faster[best]:.1f} ms, "
        f"measured): take {best} there."
    )


def _luck(report: Int8Report) -> list[str]:
    notes = []
    for form in report.forms:
        told = report.gate.luck(form.accuracy, form.chance)
        if told is not None:
            notes.append(
                f"{FORM_NAMES[form.form]}: close to a bound, {told}. Other images may decide "
                "otherwise; more of them would be surer."
            )
    return notes


def _speed(report: Int8Report) -> list[str]:
    notes = []
    for form in report.forms:
        point = form.point
        if point.latency_ms is None or point.fp32_latency_ms is None or point.speedup is None:
            continue
        told = slower_note(point.latency_ms, {"FP32": point.fp32_latency_ms}, f"on {report.cpu}")
        if told is None and point.speedup < WORTH_IT:
            told = f"INT8 is hardly faster than FP32 on {report.cpu}: {point.speedup:.2f} times."
        notes += [told] if told else []
    return notes


def _unproven(report: Int8Report) -> list[str]:
    if any(form.form == "tensorrt" for form in report.forms):
        return []
    return [
        f"INT8 for TensorRT was not measured: what TensorRT makes of {SCALES} and the calibration "
        "cache may lose more than is allowed."
    ]
