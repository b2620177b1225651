"""One run: calibrate, make the forms, measure them, repair or refuse, write."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edgedet.calibration.engine_scales import engine_scales
from edgedet.calibration.scales_file import write_scales
from edgedet.export.onnx_file import save_onnx
from edgedet.runtime.errors import ModelError

from .accuracy import Accuracy, Measured, measured
from .calibrating import Calibration, calibrated_on
from .cpu import this_cpu
from .gate import Gate, gate_for
from .half_accuracy import half_backend
from .mending import Mending
from .notes import notes_on
from .report import FormReport, Int8Report, Trial
from .report_files import TEXT, write_report
from .request import Int8Request
from .subject import COMPARED_IMAGES, Subject, opened_subject
from .tensor_losses import tensor_losses

if TYPE_CHECKING:
    from edgedet.calibration.placement import Form

STATISTICS, SCALES = "statistics.npz", "scales.json"


class _References(NamedTuple):
    """What INT8 is measured against."""

    gate: Gate
    exact: Measured
    half: Accuracy


Plain = dict[tuple["Form", str], Measured]
"""What each form measures by each method, with nothing in float but what always is."""


def export_int8(request: Int8Request) -> Int8Report:
    """Make the INT8 forms of an FP32 ONNX model that lose no more accuracy than is allowed.

    Into `request.out` go the models that were asked for (`NAME.int8.FORM.onnx`), their scales
    (scales.json), what the calibration saw (statistics.npz: an interrupted one goes on), and the
    report: int8.md with its pictures, and int8.json.

    Raises ModelError when a form does not hold the bounds, even repaired: then no model is written,
    nor left from a run before, but the report is, which the error carries as `facts`. Raises
    UsageError, DataError and ModelError for what is wrong with the request, data or model.
    """
    deadline = time.monotonic() + 60 * request.budget_minutes
    subject = opened_subject(request)
    for form in request.forms:
        model_path(request, form).unlink(missing_ok=True)
    (request.out / SCALES).unlink(missing_ok=True)
    calibration = calibrated_on(subject, request.out / STATISTICS)
    references = _references(subject)
    plain = _tried(calibration)
    method = _best_method(plain)
    menders = _menders(calibration, method, references)
    forms = tuple(
        mender.run(plain[form, method], lambda: time.monotonic() < deadline)
        for form, mender in menders.items()
    )
    report = _report(calibration, method, references, plain, forms)
    if report.passed:
        report = replace(report, forms=_written(report, menders))
        _write_scales(calibration, report)
    write_report(report, calibration.statistics)
    require_passed(report)
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


def _references(subject: Subject) -> _References:
    """Return the gate, and what FP32 and FP16 find."""
    request = subject.request
    exact = subject.measured(subject.model, "AP of FP32")
    bounds = (request.max_drop, request.max_drop_smallest)
    gate = gate_for(exact.accuracy, bounds, subject.buckets, exact.objects)
    with half_backend(subject.model, subject.images[:COMPARED_IMAGES]) as backend:
        half = measured(backend, subject.annotations, subject.buckets, "AP of FP16")
    return _References(gate, exact, half.accuracy)


def _tried(calibration: Calibration) -> Plain:
    """Measure every form by every method."""
    subject = calibration.subject
    found: Plain = {}
    for method in subject.request.methods:
        for form in subject.request.forms:
            model = calibration.by(method).quantised(form)
            found[form, method] = subject.measured(model, f"AP of {form} by {method}")
    return found


def _best_method(plain: Plain) -> str:
    """Return the method whose worst form is best: all forms come of the same scales."""
    worst: dict[str, float] = {}
    for (_, method), found in plain.items():
        worst[method] = min(worst.get(method, math.inf), found.accuracy.ap)
    return max(worst, key=lambda method: worst[method])


def _menders(calibration: Calibration, method: str, references: _References) -> dict[Form, Mending]:
    subject = calibration.subject
    calibrated = calibration.by(method)
    return {
        form: Mending(subject, calibrated, form, references.gate, references.exact)
        for form in subject.request.forms
    }


def _report(
    calibration: Calibration,
    method: str,
    references: _References,
    plain: Plain,
    forms: tuple[FormReport, ...],
) -> Int8Report:
    subject = calibration.subject
    chosen = (subject.model, subject.request.forms[0])
    report = Int8Report(
        request=subject.request,
        images=len(subject.images),
        method=method,
        gate=references.gate,
        half=references.half,
        trials=tuple(Trial(*pair, found.accuracy) for pair, found in plain.items()),
        forms=forms,
        tensors=tensor_losses(*chosen, calibration.statistics, calibration.scales, method),
        cpu=this_cpu(),
    )
    return replace(report, notes=(*calibration.notes(), *notes_on(report)))


def _written(report: Int8Report, menders: dict[Form, Mending]) -> tuple[FormReport, ...]:
    """Write the models; they get their names only when all of them hold the bounds."""
    written = []
    for form in report.forms:
        path = model_path(report.request, form.form)
        save_onnx(menders[form.form].model(len(form.float_layers)), path)
        written.append(replace(form, path=path))
    return tuple(written)


def _write_scales(calibration: Calibration, report: Int8Report) -> None:
    """Write what a TensorRT needs that quantises the FP32 model by itself, and what made the forms.

    The layers in float and the biases are those of the form for TensorRT, if there is one.
    """
    float_layers = next((f.float_layers for f in report.forms if f.form == "tensorrt"), ())
    calibrated = calibration.by(report.method)
    scales = engine_scales(
        calibrated.model, calibrated.scales, float_layers, means=calibrated.means
    )
    write_scales(report.request.out / SCALES, scales)
