"""The report of an INT8 export for people: Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from .accuracy import Accuracy, points_lost
from .layer_accuracy import WorstLayers
from .pictures import ACCURACY, FORM_NAMES, HISTOGRAMS, LAYERS, shortened
from .report import FormReport, Int8Report, Point

SHOWN_LOSSES = 10
"""Layers whose loss is listed; the JSON has all."""
SHOWN_TENSORS = 6


def report_text(report: Int8Report) -> str:
    """Return the report as Markdown."""
    request = report.request
    verdict = "passed" if report.passed else "REFUSED, no model was written"
    lines = [
        f"# INT8 of {request.model.name}: {verdict}",
        "",
        *_verdicts(report),
        "",
        *(f"- {note}" for note in (*_made_of(report), *report.notes)),
        "",
        f"![AP by size, and what layers in float bring back]({ACCURACY})",
        "",
        "## Average precision",
        "",
        "In points of AP; in brackets the difference from FP32. FP16 and INT8 for TensorRT are "
        "rehearsed in ONNX Runtime: a GPU rounds alike, but not in the same order.",
        "",
        *_accuracies(report),
    ]
    if len(report.trials) > len(report.forms):
        lines += ["", "## Methods", "", "With no layer in float.", "", *_methods(report)]
    for form in report.forms:
        lines += ["", f"## {FORM_NAMES[form.form]}", "", *_form(form, report)]
    if any(form.sensitivity is not None for form in report.forms):
        lines += ["", f"![Which layers lose]({LAYERS})"]
    return "\n".join([*lines, "", "## Ranges", "", *_ranges(report)]) + "\n"


def _verdicts(report: Int8Report) -> Iterator[str]:
    gate = report.gate
    head = ["", "", "AP lost", "layers in float", "times FP32", "file"]
    if gate.smallest is not None:
        head.insert(3, f"of {gate.smallest} objects")
    rows = []
    for form in report.forms:
        total, smallest = gate.drops(form.accuracy)
        row = [FORM_NAMES[form.form], "passed" if form.passed else "REFUSED"]
        row.append(_bounded(total, form.chance.total, gate.max_drop))
        if smallest is not None and gate.smallest is not None:
            chance = form.chance.per_bucket[gate.smallest]
            row.append(_bounded(smallest, chance, gate.max_drop_smallest))
        speed = form.point.speedup
        row += [
            f"{len(form.float_layers)} of {form.layers}",
            "-" if speed is None else f"{speed:.2f}",
            "-" if form.path is None else f"`{form.path.name}`",
        ]
        rows.append(row)
    yield from _table(head, rows)
    yield ""
    yield (
        "Lost: points of AP against FP32, ± the standard error by which it would differ on other "
        "images of this kind and number. Below 0: INT8 found more, by chance."
    )


def _bounded(lost: float, chance: float, bound: float) -> str:
    error = "" if math.isnan(chance) else f" ± {chance:.2f}"
    return f"{lost:.2f}{error} (at most {bound:g})"


def _made_of(report: Int8Report) -> Iterator[str]:
    request, gate = report.request, report.gate
    yield f"Data: {request.data}; AP on its split {request.split}."
    how = f"ranges by {report.method}, biases corrected"
    yield f"Calibrated on {report.images} images of the split {request.calibration_split}; {how}."
    if gate.smallest is None:
        yield "No size has enough objects for a bound of its own."
    else:
        name = gate.smallest
        count = gate.objects[name]
        yield (
            f"Of {name} objects there are {count}: one of them, found or missed, is about "
            f"{100 / count:.1f} points of recall."
        )
    if any(form.form == "cpu" for form in report.forms):
        yield f"Speed: the network alone, in turn with FP32, on {report.cpu}."


def _accuracies(report: Int8Report) -> Iterator[str]:
    reference = report.gate.reference
    columns = {"FP16": report.half}
    columns.update({FORM_NAMES[form.form]: form.accuracy for form in report.forms})
    others = list(columns.values())
    objects = report.gate.objects
    rows = [_row("all", reference.ap, [each.ap for each in others])]
    for name, exact in reference.per_bucket.items():
        if objects[name]:
            told = f"{name} ({objects[name]} objects)"
            rows.append(_row(told, exact, [each.per_bucket[name] for each in others]))
    for name, exact in reference.per_class.items():
        rows.append(_row(f"class {name}", exact, [each.per_class[name] for each in others]))
    return _table(["", "FP32", *columns], rows)


def _row(name: str, exact: float, others: list[float]) -> list[str]:
    return [name, _number(exact), *(_with_loss(value, exact) for value in others)]


def _methods(report: Int8Report) -> Iterator[str]:
    exact = report.gate.reference.ap
    found = {(trial.method, trial.form): trial.accuracy.ap for trial in report.trials}
    forms = [form.form for form in report.forms]
    rows = [
        [
            f"**{method}** (chosen)" if method == report.method else method,
            *(_with_loss(found[method, form], exact) for form in forms),
        ]
        for method in dict.fromkeys(trial.method for trial in report.trials)
    ]
    return _table(["ranges", *(FORM_NAMES[form] for form in forms)], rows)


def _form(form: FormReport, report: Int8Report) -> Iterator[str]:
    if form.path is not None:
        yield f"Written: `{form.path.name}`."
    elif form.passed:
        yield "Not written, as another form does not hold the bounds."
    else:
        yield f"Not written: {report.gate.told(form.accuracy)}."
    yield ""
    if form.float_layers:
        yield f"Back in float, {len(form.float_layers)} of {form.layers} layers:"
        yield ""
        yield from (f"- `{_cell(name)}`" for name in form.float_layers)
    else:
        yield f"All {form.layers} layers that can be are INT8."
    if form.out_of_time:
        yield from ("", "The budget ended the search for fewer layers in float.")
    yield ""
    yield from _table(
        ["layers in float", "AP", "network"],
        [_point(point, form, report.gate.reference) for point in form.curve],
    )
    if form.sensitivity is not None:
        yield from ("", *_losses(form, report))
    if form.worst is not None:
        yield from ("", *_worst(form.worst))


def _point(point: Point, form: FormReport, reference: Accuracy) -> list[str]:
    latency = "-"
    if point.latency_ms is not None and point.speedup is not None:
        latency = f"{point.latency_ms:.1f} ms, {point.speedup:.2f} times as fast as FP32"
    count = str(point.float_layers)
    chosen = point.float_layers == len(form.float_layers) and form.passed
    told = f"**{count}** (chosen)" if chosen else count
    return [told, _with_loss(point.accuracy.ap, reference.ap), latency]


def _losses(form: FormReport, report: Int8Report) -> Iterator[str]:
    assert form.sensitivity is not None
    whole = form.sensitivity.whole_db
    yield (
        "The layers that lose most, by signal to noise of what the decoding reads; with all layers "
        f"in INT8 it is {whole:.1f} dB:"
    )
    yield ""
    names = shortened([loss.layer for loss in form.sensitivity.losses])
    rows = [
        [
            f"`{name}`",
            f"{loss.snr_db:.1f} dB",
            "-" if loss.kept_db is None else f"{loss.kept_db:.1f} dB ({loss.kept_db - whole:+.1f})",
        ]
        for name, loss in zip(names, form.sensitivity.losses[:SHOWN_LOSSES], strict=False)
    ]
    yield from _table(["layer", "this one alone in INT8", "this one alone in float"], rows)


def _worst(worst: WorstLayers) -> Iterator[str]:
    yield (
        f"Their AP on {worst.images} of the images, where FP32 has {_number(worst.fp32)} and "
        f"everything in INT8 {_number(worst.int8)}:"
    )
    yield ""
    names = shortened([layer.layer for layer in worst.layers])
    rows = [
        [f"`{name}`", _with_loss(layer.alone, worst.fp32), _with_loss(layer.kept, worst.fp32)]
        for name, layer in zip(names, worst.layers, strict=True)
    ]
    yield from _table(["layer", "this one alone in INT8", "this one alone in float"], rows)


def _ranges(report: Int8Report) -> Iterator[str]:
    yield (
        "The tensors that INT8 holds worst: signal to noise of their values, and the largest |x| "
        "that each method keeps."
    )
    yield from ("", f"![Histograms of the tensors that lose most]({HISTOGRAMS})", "")
    names = shortened([loss.reader for loss in report.tensors])
    methods = list(report.tensors[0].clips) if report.tensors else []
    head = [f"**{name}** (chosen)" if name == report.method else name for name in methods]
    rows = [
        [f"`{name}`", f"{loss.snr_db:.1f} dB", *(f"{loss.clips[m]:.4g}" for m in methods)]
        for name, loss in zip(names, report.tensors[:SHOWN_TENSORS], strict=False)
    ]
    yield from _table(["read by", "signal to noise", *head], rows)


def _with_loss(value: float, reference: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{_number(value)} ({-points_lost(reference, value):+.2f})"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.2f}"


def _table(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(_cell(each) for each in head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(_cell(each) for each in row)} |"


def _cell(text: str) -> str:
    """Text that stays in its cell: a class may have any name."""
    return " ".join(text.split()).replace("|", "\\|")
