"""The report of an INT8 export for people: Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from .accuracy import Accuracy, points_lost
from .report import FormReport, Int8Report, Point

SHOWN_LOSSES = 10
"""Layers whose loss is listed; the JSON has all."""


def report_text(report: Int8Report) -> str:
    """Return the report as Markdown."""
    request, gate = report.request, report.gate
    smallest = "no size has enough objects for a bound of its own"
    if gate.smallest is not None:
        smallest = f"{gate.max_drop_smallest:g} of {gate.smallest} objects"
    lines = [
        f"# INT8 of {request.model.name}: {'passed' if report.passed else 'REFUSED'}",
        "",
        f"- Data: {request.data}; AP on {request.split}, ranges from {request.calibration_split}",
        f"- Ranges: {report.method}",
        f"- Allowed loss: {gate.max_drop:g} points of AP; {smallest}",
        *(f"- {note}" for note in report.notes),
        "",
        *_accuracies(report),
    ]
    if len(report.trials) > len(report.forms):
        lines += ["", "## Methods", "", *_methods(report)]
    for form in report.forms:
        lines += ["", f"## Form {form.form}", "", *_form(form, report)]
    return "\n".join(lines) + "\n"


def _accuracies(report: Int8Report) -> Iterator[str]:
    reference = report.gate.reference
    columns = {"FP16": report.half}
    columns.update({f"INT8 {form.form}": form.accuracy for form in report.forms})
    others = list(columns.values())
    rows = [_row("AP", reference.ap, [each.ap for each in others])]
    for kind in ("per_bucket", "per_class"):
        for name, exact in getattr(reference, kind).items():
            rows.append(_row(name, exact, [getattr(each, kind)[name] for each in others]))
    return _table(["", "FP32", *columns], rows)


def _row(name: str, exact: float, others: list[float]) -> list[str]:
    return [name, _number(exact), *(_with_loss(value, exact) for value in others)]


def _methods(report: Int8Report) -> Iterator[str]:
    exact = report.gate.reference.ap
    rows = [
        [trial.form, trial.method, _with_loss(trial.accuracy.ap, exact)] for trial in report.trials
    ]
    return _table(["form", "method", "AP"], rows)


def _form(form: FormReport, report: Int8Report) -> Iterator[str]:
    if form.path is not None:
        yield f"Written: {form.path.name}."
    else:
        yield f"Not written: {report.gate.told(form.accuracy)}."
    told = ", ".join(_cell(name) for name in form.float_layers) or "none"
    yield f"{len(form.float_layers)} of {form.layers} layers back in float: {told}."
    if form.out_of_time:
        yield "The budget ended the search for fewer layers in float."
    yield ""
    yield from _table(
        ["layers in float", "AP", "latency"],
        [_point(point, report.gate.reference) for point in form.curve],
    )
    if form.losses:
        yield from ("", "Layers by what INT8 in them alone does:", "")
        losses = form.losses[:SHOWN_LOSSES]
        yield from _table(
            ["layer", "signal to noise"],
            [[loss.layer, f"{loss.snr_db:.1f} dB"] for loss in losses],
        )


def _point(point: Point, reference: Accuracy) -> list[str]:
    latency = "-"
    if point.latency_ms is not None and point.fp32_latency_ms is not None:
        ratio = point.fp32_latency_ms / point.latency_ms
        latency = f"{point.latency_ms:.1f} ms ({ratio:.2f} times as fast as FP32)"
    return [str(point.float_layers), _with_loss(point.accuracy.ap, reference.ap), latency]


def _with_loss(value: float, reference: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{_number(value)} ({-points_lost(reference, value):+.2f})"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def _table(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(_cell(each) for each in head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(_cell(each) for each in row)} |"


def _cell(text: str) -> str:
    """Text that stays in its cell: a class may have any name."""
    return " ".join(text.split()).replace("|", "\\|")
