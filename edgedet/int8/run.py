"""One run: calibrate, make the forms, measure them, repair or refuse, write."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from edgedet.calibration.engine_scales import engine_scales
from edgedet.calibration.qdq import add_provenance
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
from .outputs import (
    SCALES,
    STATISTICS,
    model_path,
    remove_int8_of_another_model,
    replaced_int8,
)
from .report import FormReport, Int8Report, Trial
from .report_files import TEXT, write_report
from .request import Int8Request
from .subject import COMPARED_IMAGES, Subject, opened_subject
from .tensor_losses import tensor_losses

if TYPE_CHECKING:
    from edgedet.calibration.placement import Form


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

    What a run before has left stays until this one has something in its place, unless it is of
    another model.

    Raises ModelError when a form does not hold the bounds, even repaired: then no model is written,
    nor left from a run before, but the report is, which the error carries as `facts`. Raises
    UsageError, DataError and ModelError for what is wrong with the request, data or model.
    """
    deadline = time.monotonic() + 60 * request.budget_minutes
    subject = opened_subject(request)
    remove_int8_of_another_model(request)
    calibration = calibrated_on(subject, request.out / STATISTICS)
    references = _references(subject)
    plain = _tried(calibration)
    method = _best_method(plain, references.gate)
    menders = _menders(calibration, method, references)
    by_form = {form: plain[form, method] for form in menders}
    forms = _mended(menders, by_form, references.gate, lambda: time.monotonic() < deadline)
    report = _report(calibration, method, references, plain, forms)
    with replaced_int8(request):
        if report.passed:
            report = replace(report, forms=_written(report, menders))
            _write_scales(calibration, report)
        write_report(report, calibration.statistics)
    require_passed(report)
    return report


def require_passed(report: Int8Report) -> None:
    """Raise ModelError, with the report as its facts, unless all forms hold the bounds."""
    failed = [form for form in report.forms if not form.passed]
    if not failed:
        return
    told = "; ".join(f"{form.form}: {_failure(form, report.gate)}" for form in failed)
    hurried = any(form.out_of_time for form in failed)
    time_fix = "give the repair more time (budget_minutes of --recipe), " if hurried else ""
    error = ModelError(
        "an INT8 model within the allowed loss of accuracy",
        told,
        f"see {report.request.out / TEXT}; {time_fix}calibrate on more or other images, allow more "
        "(--max-drop), fine-tune for INT8 (edgedet train --qat), or take FP16",
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


def _best_method(plain: Plain, gate: Gate) -> str:
    """Return the method whose worst form is best: all forms come of the same scales. Where some
    hold the bounds as they are, it is one of these: more AP in total may hide lost small objects.
    """
    found: dict[str, list[Accuracy]] = {}
    for (_, method), each in plain.items():
        found.setdefault(method, []).append(each.accuracy)

    def rank(method: str) -> tuple[bool, float]:
        forms = found[method]
        return all(gate.passes(form) for form in forms), min(form.ap for form in forms)

    return max(found, key=rank)


def _menders(calibration: Calibration, method: str, references: _References) -> dict[Form, Mending]:
    subject = calibration.subject
    calibrated = calibration.by(method)
    return {
        form: Mending(subject, calibrated, form, references.gate, references.exact)
        for form in subject.request.forms
    }


def _mended(
    menders: dict[Form, Mending],
    plain: dict[Form, Measured],
    gate: Gate,
    time_left: Callable[[], bool],
) -> tuple[FormReport, ...]:
    """Return what became of each form. Those that have to be repaired come first: what is measured
    of the others is for the report alone, and may not take their time.
    """
    order = sorted(menders, key=lambda form: gate.passes(plain[form].accuracy))
    found = {form: menders[form].run(plain[form], time_left) for form in order}
    return tuple(found[form] for form in menders)


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
        model = menders[form.form].model(len(form.float_layers))
        add_provenance(model, _origin(report, form))
        save_onnx(model, path)
        written.append(replace(form, path=path))
    return tuple(written)


def _origin(report: Int8Report, form: FormReport) -> dict[str, str]:
    """What `edgedet info` tells of a form, beside its calibration."""
    return {
        "int8_method": report.method,
        "int8_images": str(report.images),
        "int8_float_layers": f"{len(form.float_layers)} of {form.layers}",
    }


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
