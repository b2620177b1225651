"""One run of `edgedet export --trt`: an ONNX file to engines, each proven or built as it is."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edgedet.engine_plans import RTX, Plan, Wish, flavour_for, plans_for, precisions_of
from edgedet.export.half_proof import Half, proven_half, rehearsal_backend
from edgedet.export.metadata import read_spec
from edgedet.export.onnx_file import load_onnx, save_onnx
from edgedet.export_source import source_of
from edgedet.int8.outputs import SCALES, mixed_path
from edgedet.int8_export import Quantised, quantised
from edgedet.int8_mixed import Mixed, proven_mixed
from edgedet.int8_wish import require_tensorrt_form
from edgedet.model_export import Report, Request
from edgedet.proof_data import average_precision, proof_annotations, proof_frames
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.engine_builder import engine_from_onnx
from edgedet.runtime.engine_file import EngineFacts
from edgedet.runtime.engine_options import INT8, EngineOptions
from edgedet.runtime.errors import ModelError

if TYPE_CHECKING:
    from edgedet.data.annotations import Annotations
    from edgedet.int8.request import Int8Request
    from edgedet.runtime.tensorrt_flavour import Flavour

MAX_AP_DIFFERENCE = 0.005
"""Largest difference of AP (in [0, 1]) to FP32 that passes."""


class Accuracy(NamedTuple):
    """AP in [0, 1] of both precisions on the data; nan without objects."""

    fp32: float
    fp16: float


class Engine(NamedTuple):
    """One engine that was written."""

    path: Path
    facts: EngineFacts
    seconds: float
    """That it took now: next to none when it was built before."""


@dataclass(frozen=True)
class EngineReport:
    """What was written."""

    onnx: Path
    export: Report | None
    """Of the ONNX file; None when that was there already."""
    quantised: Quantised | None
    """None when no INT8 was asked for."""
    half: Half | None
    """Of the FP16 graph; None where TensorRT makes FP16 by itself, or none was asked for."""
    accuracy: Accuracy | None
    """Of FP16; None without data."""
    mixed: Mixed | None
    """INT8 with FP16 around it; None where TensorRT makes it by itself, or none was asked for."""
    engines: tuple[Engine, ...]


def export_engines(request: Request, wish: Wish, int8: Int8Request | None = None) -> EngineReport:
    """Export the checkpoint of the request, or take its ONNX file, and build the engines beside it.

    int8: build one in INT8 as well. Raises what `export_model`, `quantised` and `engine_from_onnx`
    raise; DeviceError first of all, when the TensorRT that it takes is not here.
    """
    precisions = precisions_of(wish.precision, int8 is not None)
    if int8 is not None:
        require_tensorrt_form(request.recipe, "engines in INT8")
    flavour = flavour_for(wish.device)
    plans = plans_for(wish.device, flavour, INT8 in precisions)
    onnx, report = source_of(_aimed(request, flavour))
    found = None if int8 is None else quantised(onnx, request, int8)
    half, accuracy, mixed = None, None, None
    if not flavour.can.weakly_typed:
        if "fp16" in precisions:
            half, accuracy = proven_fp16(onnx, request)
            save_onnx(half.graph, half_path(onnx))
        if found is not None:
            mixed = proven_mixed(found.report)
            save_onnx(mixed.graph, mixed_path(onnx))
    engines = tuple(
        _engine(onnx, plan, precision, flavour) for precision in precisions for plan in plans
    )
    return EngineReport(onnx, report, found, half, accuracy, mixed, engines)


def half_path(onnx: Path) -> Path:
    """Return where the FP16 form of an ONNX file lies."""
    return onnx.with_name(f"{onnx.stem}.fp16.onnx")


class _Origin(NamedTuple):
    """What an engine is built from."""

    onnx: Path
    scales: Path | None


def _origin(onnx: Path, precision: str, flavour: Flavour) -> _Origin:
    if flavour.can.weakly_typed:
        return _Origin(onnx, onnx.with_name(SCALES) if precision == INT8 else None)
    graphs = {"fp16": half_path(onnx), INT8: mixed_path(onnx)}
    return _Origin(graphs.get(precision, onnx), None)


def _aimed(request: Request, flavour: Flavour) -> Request:
    """The request with the graph gate of TensorRT-RTX, unless another target was named, or there
    is the file already: then TensorRT-RTX itself says what it does not take.
    """
    named = request.target is not None or request.model.suffix.lower() == ".onnx"
    if named or not flavour.can.compute_targets:
        return request
    return replace(request, target=RTX)


def proven_fp16(onnx: Path, request: Request) -> tuple[Half, Accuracy | None]:
    """Return the FP16 form of an ONNX file, compared with it on the data of the request, or on
    generated images; ModelError when it says something else.
    """
    annotations = proof_annotations(request, onnx.parent)
    size_hw = read_spec(load_onnx(onnx)).size_hw
    half = proven_half(onnx, lambda: proof_frames(size_hw, annotations, "Comparing FP16 with FP32"))
    if annotations is None:
        return half, None
    return half, _accuracy(onnx, half, annotations)


def _accuracy(onnx: Path, half: Half, annotations: Annotations) -> Accuracy:
    with OnnxRuntimeBackend(onnx) as exact, rehearsal_backend(half.graph) as rounded:
        found = Accuracy(
            average_precision(exact, annotations), average_precision(rounded, annotations)
        )
    if abs(found.fp16 - found.fp32) > MAX_AP_DIFFERENCE:
        expected = f"an FP16 model with the AP of FP32, {found.fp32:.4f}"
        fix = "build the engine with --precision fp32"
        raise ModelError(expected, f"{found.fp16:.4f}", fix)
    return found


def _engine(onnx: Path, plan: Plan, precision: str, flavour: Flavour) -> Engine:
    started = time.perf_counter()
    path = onnx.with_name(f"{onnx.stem}.{plan.label}.{precision}.engine")
    options = EngineOptions(precision, plan.compute_capabilities)
    origin = _origin(onnx, precision, flavour)
    facts = engine_from_onnx(origin.onnx, path, flavour, options, scales=origin.scales)
    return Engine(path, facts, time.perf_counter() - started)
