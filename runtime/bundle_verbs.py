"""What a bundle says of the machine, builds for it and measures on it."""

import json
from argparse import Namespace
from typing import Any, Dict

from .bundle_choice import choose, installed_flavours, open_choice, require_own, wish_of
from .bundle_file import FP16, FP32, Bundle
from .engine_file import EngineFacts
from .errors import DeviceError

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
    from .engine_job import new_job
    from .engine_options import EngineOptions
    from .tensorrt_flavour import TENSORRT, open_flavour

    require_own(bundle)
    flavour = open_flavour(arguments.flavour or (installed_flavours() or [TENSORRT])[0])
    half_graph = arguments.precision == "fp16" and not flavour.can.weakly_typed
    onnx = bundle.model_file(FP16 if half_graph else FP32)
    targets = (_compute_capability(),) if flavour.can.compute_targets else ()
    options = EngineOptions(arguments.precision, targets, arguments.workspace)
    engine = arguments.out or entry_path(new_job(onnx, flavour, options).key)
    facts = engine_from_onnx(onnx, engine, flavour, options, force=arguments.force)
    if arguments.json:
        return json.dumps(_engine_values(str(engine), facts), indent=2)
    text = "{}: {} {}, {:.1f} MB, for {}"
    megabytes = facts.plan_bytes / 1e6
    return text.format(engine, facts.title, facts.precision, megabytes, facts.device)


def bench(bundle: Bundle, arguments: Namespace) -> str:
    """Measure how fast the model is here, and return tables or JSON."""
    from .speed_report import SpeedRequest, speed_report
    from .speed_text import speed_text

    wish = wish_of(arguments)
    choice = choose(bundle, wish)
    about = dict(choice.about(), model=str(bundle.path), edgedet=bundle.edgedet)
    request = SpeedRequest(
        arguments.source,
        arguments.threads,
        arguments.iterations,
        arguments.warmup,
        arguments.sustain,
    )
    report = speed_report(lambda: open_choice(bundle, choice, wish), about, request)
    return json.dumps(report, indent=2) if arguments.json else speed_text(report)


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
