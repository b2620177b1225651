"""How fast a TensorRT engine of a model is on the GPU of this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edgedet.bench_place import JETSON, RTX, kind_of
from edgedet.calm import load_here, wait_after_work
from edgedet.onnx_form import NAME, TARGETS, onnx_form
from edgedet.runtime.engine_file import EngineFacts, read_engine_facts
from edgedet.runtime.errors import ModelError
from edgedet.runtime.gpu_diagnosis import Gpu
from edgedet.runtime.onnx_facts import onnx_facts
from edgedet.runtime.speed_report import SpeedRequest, speed_report
from edgedet.runtime.tensorrt_flavour import TENSORRT_RTX

DEFAULT_PRECISION = "fp16"


def measure_engine(engine: Path, request: SpeedRequest) -> dict[str, Any]:
    """Return the speeds of an engine that was built, as plain JSON types.

    Raises what opening it and the source raise.
    """
    return _measured(engine, engine, read_engine_facts(engine), request)


def measure_built(
    model: Path, gpu: Gpu, precision: str | None, request: SpeedRequest
) -> dict[str, Any]:
    """Build an engine of a checkpoint or ONNX file for this machine's `gpu`, and return its speeds.

    precision: fp32 or fp16; None: fp16. Raises what `export_engines`, opening and the source raise.
    """
    with _built(model, gpu, precision or DEFAULT_PRECISION) as (engine, facts):
        return _measured(model, engine, facts, request)


def _measured(
    model: Path, engine: Path, facts: EngineFacts, request: SpeedRequest
) -> dict[str, Any]:
    from edgedet.opening import open_any

    about = dict(facts.about(), model=str(model))
    return speed_report(
        lambda: open_any(engine, device="auto", threads=request.threads), about, request
    )


@contextmanager
def _built(model: Path, gpu: Gpu, precision: str) -> Iterator[tuple[Path, EngineFacts]]:
    """Yield an engine that lives as long as the block; the cache keeps it for the next time."""
    from edgedet.engine_export import export_engines
    from edgedet.engine_plans import Wish
    from edgedet.model_export import Request

    target = TARGETS.get(kind_of(gpu))
    require_spec_in(model)
    with onnx_form(model, target) as onnx, tempfile.TemporaryDirectory(prefix="edgedet-") as folder:
        # Engines lie beside their model, and this one is not to lie beside the user's.
        link = Path(folder) / NAME
        link.symlink_to(onnx.resolve())
        (engine,) = export_engines(Request(link), Wish(_builds_for(gpu), precision)).engines
        wait_after_work(engine.seconds, load_here)
        yield engine.path, engine.facts


def require_spec_in(model: Path) -> None:
    """Raise ModelError for an ONNX file that others made: its engine could not be opened."""
    if model.suffix.lower() == ".onnx" and onnx_facts(model)["spec_text"] is None:
        fix = "measure it in ONNX Runtime: --device cpu"
        raise ModelError("a model of edgedet for an engine", f"{model}, made by others", fix)


def _builds_for(gpu: Gpu) -> str:
    """Return the device as `edgedet export --trt` calls it."""
    if gpu.is_jetson:
        return JETSON
    if gpu.device is not None and gpu.device.kind == RTX and find_spec(TENSORRT_RTX):
        return gpu.device.name
    from edgedet.engine_plans import CUDA

    return CUDA
