"""What a bundle says of the machine, and builds for it."""

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

from .bundle_choice import installed_flavours, require_own
from .bundle_file import FP16, FP32, INT8, Bundle
from .engine_file import EngineFacts
from .errors import DeviceError

if TYPE_CHECKING:
    from .tensorrt_flavour import Flavour

SCHEMA_VERSION = 1


def doctor(bundle: Bundle, arguments: Namespace) -> str:
    """Return what this machine has, and how the bundle's model fits it."""
    from .bundle_diagnosis import diagnose_bundle
    from .doctor import doctor_json, doctor_text, examine

    lines = examine() + diagnose_bundle(bundle)
    return doctor_json(lines) if arguments.json else doctor_text(lines)


def build(bundle: Bundle, arguments: Namespace) -> str:
    """Build an engine for the GPU of this machine, and return where it is and what."""
    from .engine_builder import engine_from_onnx
    from .engine_cache import entry_path
    from .engine_job import gpu_for, new_job
    from .engine_options import EngineOptions
    from .tensorrt_flavour import TENSORRT, open_flavour

    require_own(bundle)
    flavour = open_flavour(arguments.flavour or (installed_flavours() or [TENSORRT])[0])
    gpu_for(flavour, arguments.precision)  # a board without INT8 needs no other reason
    onnx, scales = _source(bundle, flavour, arguments.precision)
    targets = (_compute_capability(),) if flavour.can.compute_targets else ()
    options = EngineOptions(arguments.precision, targets, arguments.workspace)
    engine = arguments.out or entry_path(new_job(onnx, flavour, options, scales).key)
    facts = engine_from_onnx(onnx, engine, flavour, options, arguments.force, scales)
    if arguments.json:
        return json.dumps(_engine_values(str(engine), facts), indent=2)
    text = "{}: {} {}, {:.1f} MB, for {}"
    megabytes = facts.plan_bytes / 1e6
    return text.format(engine, facts.title, facts.precision, megabytes, facts.device)


def _source(bundle: Bundle, flavour: "Flavour", precision: str) -> Tuple[Path, Optional[Path]]:
    """Return the ONNX file, and the scales, that this TensorRT makes the precision of."""
    if flavour.can.weakly_typed:
        scales = bundle.scales_file() if precision == "int8" else None
        return bundle.model_file(FP32), scales
    graphs = {"fp32": FP32, "fp16": FP16, "int8": INT8}
    return bundle.model_file(graphs[precision]), None


def _compute_capability() -> str:
    """Of the GPU that is here, as `8.6`: TensorRT-RTX builds for what it is told."""
    from .gpu_identity import find_gpu

    gpu = find_gpu()
    if gpu is None:
        fix = "check its driver with nvidia-smi, or run the model with --backend onnxruntime"
        raise DeviceError("an NVIDIA GPU to build for", "none", fix)
    return gpu.compute_capability


def _engine_values(engine: str, facts: EngineFacts) -> Dict[str, Any]:
    return dict(facts._asdict(), schema_version=SCHEMA_VERSION, engine=engine)
