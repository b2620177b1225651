"""One run: calibrate, make the forms, measure them, repair or refuse, write."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgedet.calibration.collection import Resume, collect
from edgedet.calibration.key import calibration_key
from edgedet.calibration.scales_file import Scales, scales_by, write_scales
from edgedet.calibration.sensitivity import quantised
from edgedet.export.onnx_file import save_onnx
from edgedet.progress import progress
from edgedet.runtime.atomic import atomic_path
from edgedet.runtime.errors import ModelError

from .accuracy import Accuracy, measured
from .chart import write_chart
from .gate import Gate, gate_for
from .half_accuracy import half_backend
from .mending import Mending
from .open_model import open_model
from .report import FormReport, Int8Report, Trial
from .request import Int8Request
from .subject import COMPARED_IMAGES, Subject, opened_subject
from .text import report_text

if TYPE_CHECKING:
    from edgedet.calibration.placement import Form
    from edgedet.calibration.statistics import Statistics

STATISTICS, SCALES = "statistics.npz", "scales.json"
REPORT, TEXT, CHART = "int8.json", "int8.md", "int8.png"
FEW_IMAGES = 32
"""Below that, what the calibration sees is a matter of luck."""


def export_int8(request: Int8Request) -> Int8Report:
    """Make the INT8 forms of an FP32 ONNX model that lose no more accuracy than is allowed.

    Into `request.out` go the models that were asked for (`NAME.int8.FORM.onnx`), their scales
    (scales.json), what the calibration saw (statistics.npz: an interrupted one goes on), and the
    report as int8.json, int8.md and int8.png.

    Raises ModelError when a form does not hold the bounds, even repaired: then no model is written,
    nor left from a run before, but the report is, which the error carries as `facts`. Raises
    UsageError, DataError and ModelError for what is wrong with the request, data or model.
    """
    deadline = time.monotonic() + 60 * request.budget_minutes
    subject = opened_subject(request)
    for form in request.forms:
        model_path(request, form).unlink(missing_ok=True)
    statistics, scales = _calibrated(subject)
    gate, half = _references(subject)
    trials = _trials(subject, scales)
    best = scales[_best_method(trials)]
    forms = _mended(subject, best, gate, trials, lambda: time.monotonic() < deadline)
    notes = (*_calibration_notes(statistics, subject), *_speed_notes(forms))
    report = Int8Report(request, best.key.method, gate, half, trials, forms, notes)
    _write_report(report)
    require_passed(report)
    write_scales(request.out / SCALES, best)
    return report


def model_path(request: Int8Request, form: Form) -> Path:
    """Return where a form is written."""
    return request.out / f"{request.model.stem}.int8.{form}.onnx"


def require_passed(report: Int8Report) -> None:
    """Raise ModelError, with the report as its facts, unless all forms hold the bounds."""
    failed = [form for form in report.forms if not form.passed]
    if not failed:
        return
    told = "; ".join(f"{form.form}: {_failure(form, report.gate)}" for form in failed)
    error = ModelError(
        "an INT8 model within the allowed loss of accuracy",
        told,
        f"see {report.request.out / TEXT}; calibrate on more or other images, allow a larger loss, "
        "or take FP16",
    )
    error.facts = report.to_json()
    raise error


def _failure(form: FormReport, gate: Gate) -> str:
    told = gate.told(form.accuracy)
    ended = ", when the time was over" if form.out_of_time else ""
    return f"{told}, with {len(form.float_layers)} of {form.layers} layers back in float{ended}"


def _calibrated(subject: Subject) -> tuple[Statistics, dict[str, Scales]]:
    """Return what was seen, and the scales of each method to try."""
    request = subject.request
    key = calibration_key(request.model, subject.images, subject.spec)
    resume = Resume(request.out / STATISTICS, key)
    with progress(len(subject.images), "Calibrating") as bar:
        statistics = collect(subject.model, subject.batches, resume, advance=bar.advance)
    keys = [key._replace(method=method) for method in request.methods]
    return statistics, {each.method: scales_by(statistics, each) for each in keys}


def _references(subject: Subject) -> tuple[Gate, Accuracy]:
    """Return the gate with the accuracy of FP32, and that of FP16."""
    request = subject.request
    with open_model(subject.model) as backend:
        exact, objects = measured(backend, subject.annotations, subject.buckets, "AP of FP32")
    bounds = (request.max_drop, request.max_drop_smallest)
    gate = gate_for(exact, bounds, subject.buckets, objects)
    with half_backend(subject.model, subject.images[:COMPARED_IMAGES]) as backend:
        half, _ = measured(backend, subject.annotations, subject.buckets, "AP of FP16")
    return gate, half


def _trials(subject: Subject, scales: dict[str, Scales]) -> tuple[Trial, ...]:
    """Measure every form by every method."""
    found = []
    for method, chosen in scales.items():
        for form in subject.request.forms:
            model = quantised(subject.model, chosen, form)
            accuracy = subject.accuracy(model, f"AP of {form} by {method}")
            found.append(Trial(form, method, accuracy))
    return tuple(found)


def _best_method(trials: tuple[Trial, ...]) -> str:
    """Return the method whose worst form is best: all forms come of the same scales."""
    worst: dict[str, float] = {}
    for trial in trials:
        worst[trial.method] = min(worst.get(trial.method, math.inf), trial.accuracy.ap)
    return max(worst, key=lambda method: worst[method])


def _mended(
    subject: Subject,
    scales: Scales,
    gate: Gate,
    trials: tuple[Trial, ...],
    time_left: Callable[[], bool],
) -> tuple[FormReport, ...]:
    """Repair every form; the models get their names only when all of them hold the bounds."""
    known = {trial.form: trial.accuracy for trial in trials if trial.method == scales.key.method}
    mended = {form: Mending(subject, scales, form, gate) for form in subject.request.forms}
    found = [each.run(known[form], time_left) for form, each in mended.items()]
    if not all(form.passed for form in found):
        return tuple(found)
    written = []
    for form in found:
        path = model_path(subject.request, form.form)
        save_onnx(mended[form.form].model(len(form.float_layers)), path)
        written.append(replace(form, path=path))
    return tuple(written)


def _calibration_notes(statistics: Statistics, subject: Subject) -> list[str]:
    notes = []
    if len(subject.images) < FEW_IMAGES:
        notes.append(f"Calibrated on {len(subject.images)} images only: better are 100 or more.")
    silent = int(np.count_nonzero(statistics.amax == 0))
    if silent:
        notes.append(f"{silent} tensors held nothing but zeros in all of these images.")
    return notes


def _speed_notes(forms: tuple[FormReport, ...]) -> list[str]:
    notes = []
    for form in forms:
        chosen = next(p for p in form.curve if p.float_layers == len(form.float_layers))
        if chosen.latency_ms is None or chosen.fp32_latency_ms is None:
            continue
        if chosen.latency_ms >= chosen.fp32_latency_ms:
            notes.append("INT8 is not faster than FP32 on this CPU: take FP32 here.")
    return notes


def _write_report(report: Int8Report) -> None:
    out = report.request.out
    write_chart(out / CHART, report)
    with atomic_path(out / REPORT) as temporary:
        temporary.write_text(json.dumps(report.to_json(), indent=1) + "\n", encoding="utf-8")
    with atomic_path(out / TEXT) as temporary:
        temporary.write_text(report_text(report), encoding="utf-8")
