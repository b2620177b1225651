"""What an INT8 export found as a table for people and as plain values for programs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from textwrap import fill
from typing import Any

from edgedet.export_table import NOT_COMPARED, markdown
from edgedet.int8.accuracy import Accuracy, without_minus_zero
from edgedet.int8.report import FormReport
from edgedet.int8.report_files import TEXT
from edgedet.int8_export import Quantised
from edgedet.runtime.checksum import sha256_of

NAMES = {"tensorrt": "INT8 TensorRT", "cpu": "INT8 CPU"}
Row = tuple[str, ...]


def int8_text(found: Quantised) -> str:
    """Return what INT8 costs and gains, in Markdown of at most 80 columns, and where it lies."""
    report = found.report
    request = report.request
    lines = [
        f"INT8: ranges by {report.method} of {report.images} images "
        f"({request.calibration_split}); points of AP ({request.split}):",
        markdown(_headers(found), int8_rows(found)),
        *map(wrapped, _explained(found)),
        *map(wrapped, report.notes),
        wrapped(f"in {found.onnx.parent}: {', '.join(_files(found))}; report: {TEXT}"),
    ]
    return "\n".join(lines)


def int8_rows(found: Quantised) -> list[Row]:
    """Return a row for each precision, FP32 first."""
    report = found.report
    exact = (f"{found.onnx.stat().st_size / 1e6:.1f}", "1.00")
    rows = [
        ("FP32", *_accuracy(found, report.gate.reference), NOT_COMPARED, *exact),
        ("FP16", *_accuracy(found, report.half), NOT_COMPARED, NOT_COMPARED, NOT_COMPARED),
    ]
    return rows + [_form(found, form) for form in report.forms]


def int8_values(found: Quantised | None) -> dict[str, Any] | None:
    """Return the report with the calibration and the files that were written; None without."""
    if found is None:
        return None
    written = {"scales": found.scales, "calibration_cache": found.cache}
    written |= {form.form: form.path for form in found.report.forms if form.path is not None}
    files = {
        name: {"file": str(path), "bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for name, path in written.items()
    }
    return {**found.report.to_json(), "calibration": found.calibration_id, "files": files}


def plain(value: Any) -> Any:
    """Return a value with None for what JSON does not know."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _headers(found: Quantised) -> Row:
    smallest = found.report.gate.smallest
    sizes = () if smallest is None else (smallest, "lost")
    return ("precision", "AP", "lost", *sizes, "in float", "MB", "x FP32")


def _accuracy(found: Quantised, accuracy: Accuracy) -> Row:
    gate = found.report.gate
    total, smallest = gate.drops(accuracy)
    row = (_points(accuracy.ap), f"{without_minus_zero(total):.2f}")
    if smallest is None or gate.smallest is None:
        return row
    lost = f"{without_minus_zero(smallest):.2f}"
    return (*row, _points(accuracy.per_bucket[gate.smallest]), lost)


def _form(found: Quantised, form: FormReport) -> Row:
    size = NOT_COMPARED if form.path is None else f"{form.path.stat().st_size / 1e6:.1f}"
    speed = NOT_COMPARED if form.point.speedup is None else f"{form.point.speedup:.2f}"
    kept = f"{len(form.float_layers)} of {form.layers}"
    return (NAMES[form.form], *_accuracy(found, form.accuracy), kept, size, speed)


def _explained(found: Quantised) -> Iterator[str]:
    """The bounds, what chance does, and what the speed is of."""
    report = found.report
    gate, chance = report.gate, max(form.chance.total for form in report.forms)
    allowed = f"lost: at most {gate.max_drop:g}"
    if gate.smallest is not None:
        allowed += f", of {gate.smallest} objects {gate.max_drop_smallest:g}"
    yield f"{allowed}; +-{chance:.2f} in total is chance of the images"
    if any(form.form == "cpu" for form in report.forms):
        yield f"x FP32: how many times as fast the network is on {report.cpu}"


def wrapped(text: str) -> str:
    """Lines that a terminal shows whole; names of files are not broken."""
    return fill(text, 80, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _files(found: Quantised) -> list[str]:
    forms = [form.path.name for form in found.report.forms if form.path is not None]
    return [*forms, found.scales.name, found.cache.name]


def _points(ap: float) -> str:
    return NOT_COMPARED if math.isnan(ap) else f"{100 * ap:.2f}"
