"""One run of `edgedet export --trt`: an ONNX file to engines, each proven or built as it is."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edgedet.engine_plans import RTX, Wish, flavour_for, plans_for, precisions_of
from edgedet.export.half_proof import Half, proven_half, rehearsal_backend
from edgedet.export.metadata import read_spec
from edgedet.export.onnx_file import load_onnx, save_onnx
from edgedet.model_export import Report, Request, export_model
from edgedet.proof_data import average_precision, proof_annotations, proof_frames
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.engine_builder import engine_from_onnx
from edgedet.runtime.engine_file import EngineFacts
from edgedet.runtime.engine_options import EngineOptions
from edgedet.runtime.errors import ModelError, UsageError

if TYPE_CHECKING:
    from edgedet.data.annotations import Annotations
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
    half: Half | None
    """Of the FP16 graph; None where TensorRT makes FP16 by itself, or none was asked for."""
    accuracy: Accuracy | None
    """Of FP16; None without data."""
    engines: tuple[Engine, ...]


def export_engines(request: Request, wish: Wish) -> EngineReport:
    """Export the checkpoint of the request, or take its ONNX file, and build the engines beside it.

    Raises what `export_model` and `engine_from_onnx` raise; DeviceError first of all, when the
    TensorRT that it takes is not here.
    """
    precisions = precisions_of(wish.precision)
    flavour = flavour_for(wish.device)
    plans = plans_for(wish.device, flavour)
    report = None if is_onnx(request) else export_model(_aimed(request, flavour))
    onnx = request.model if report is None else report.path
    half, accuracy = None, None
    if "fp16" in precisions and not flavour.can.weakly_typed:
        half, accuracy = proven_fp16(onnx, request)
        save_onnx(half.graph, half_path(onnx))
    engines = []
    for precision in precisions:
        source = half_path(onnx) if half is not None and precision == "fp16" else onnx
        for plan in plans:
            path = onnx.with_name(f"{onnx.stem}.{plan.label}.{precision}.engine")
            options = EngineOptions(precision, plan.compute_capabilities)
            engines.append(_engine(source, path, flavour, options))
    return EngineReport(onnx, report, half, accuracy, tuple(engines))


def is_onnx(request: Request) -> bool:
    """Whether the model is exported already; then the flags of the export have no place."""
    if request.model.suffix.lower() != ".onnx":
        return False
    default = Request(request.model, data=request.data, split=request.split)
    if replace(request, bbox_mode=default.bbox_mode) != default:
        found = f"flags that change {request.model}"
        fix = "leave them out, or give the checkpoint"
        raise UsageError("only --data and flags of engines with an .onnx file", found, fix)
    return True


def half_path(onnx: Path) -> Path:
    """Return where the FP16 form of an ONNX file lies."""
    return onnx.with_name(f"{onnx.stem}.fp16.onnx")


def _aimed(request: Request, flavour: Flavour) -> Request:
    """The request with the graph gate of TensorRT-RTX, unless another target was named."""
    if request.target is not None or not flavour.can.compute_targets:
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


def _engine(onnx: Path, path: Path, flavour: Flavour, options: EngineOptions) -> Engine:
    started = time.perf_counter()
    facts = engine_from_onnx(onnx, path, flavour, options)
    return Engine(path, facts, time.perf_counter() - started)
