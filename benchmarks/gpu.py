"""Engines on this GPU against ONNX Runtime's CUDA provider in the same run, with power.

NOT RUN YET: it was written without a GPU. What it calls is tested with ONNX Runtime on the CPU in
the place of every engine (tests/benchmarks); no number of it exists.

    pip install -e '.[train,rtx,tensorrt]'
    pip uninstall -y onnxruntime && pip install onnxruntime-gpu
    python benchmarks/gpu.py --out docs/results/gpu.json

All weights are random: speed only, nothing here says how well anything detects. Engines come from
the cache when they were built before. A GPU whose clocks vary gives other numbers each time: hold
them (`sudo nvidia-smi -lgc MHZ`, on a Jetson `sudo jetson_clocks`); clocks, temperature, power and
throttling are in the JSON.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import onnxruntime
from gpu_contenders import (
    CALL,
    CUDA_PROVIDER,
    MEASURES,
    PEER,
    Call,
    Opened,
    calls_of,
    cuda_peer,
    engine_backend,
    exported,
    require_agreeing,
)
from interleaved import interleave, timing_rows
from numpy.typing import NDArray
from results import Finding, Results, publish

from edgedet.runtime.engine_options import PRECISIONS
from edgedet.runtime.environment import describe_environment, package_versions
from edgedet.runtime.errors import DeviceError, EdgedetError
from edgedet.runtime.gpu_identity import Gpu, find_gpu
from edgedet.runtime.power_watch import watch_power
from edgedet.runtime.synthetic_frames import synthetic_frames
from edgedet.runtime.tensorrt_flavour import TENSORRT, TENSORRT_RTX, Flavour, open_flavour

MODELS = ("scale_aware_ssd", "ssd_mobilenetv2", "ssdlite_mobilenetv3")
FRAME_HW = (1080, 1920)


@dataclass(frozen=True)
class Plan:
    """How to measure."""

    rounds: int
    warmup: int
    power_seconds: float
    """That each backend runs for alone, while the sensors are read; 0: not at all."""


def rows_of(
    model: str, opened: Mapping[str, Sequence[Opened]], plan: Plan, frame: NDArray[np.uint8]
) -> Iterator[dict[str, Any]]:
    """Yield a row of each precision, measure and backend of one model; all of them take turns.

    opened: precision -> backends, the peer first.
    """
    calls = {
        (precision, measure, one.name): call
        for precision, backends in opened.items()
        for one in backends
        for measure, call in calls_of(one.backend, frame).items()
    }
    names = {key: f"{model} {key[0]}: {key[1]}, {key[2]}" for key in calls}
    contenders = {names[key]: call for key, call in calls.items()}
    times = interleave(contenders, plan.rounds, plan.warmup)
    for precision, backends in opened.items():
        for measure in MEASURES:
            group = [(one, names[precision, measure, one.name]) for one in backends]
            timed = {name: times[name] for _, name in group}
            found = timing_rows(timed, {PEER: group[0][1]})
            for row, (one, name) in zip(found, group, strict=True):
                power = measure == CALL and plan.power_seconds > 0
                sensors = power_of(contenders[name], plan.power_seconds) if power else None
                yield {**row, "engine": one.engine, "power": sensors}


def power_of(call: Call, seconds: float) -> dict[str, Any]:
    """Return what the sensors say while one contender runs alone, frame after frame."""
    frames, elapsed_s = 0, 0.0
    with watch_power(seconds) as watch:
        watch.begin()
        start = perf_counter()
        while elapsed_s < seconds:
            call()
            frames, elapsed_s = frames + 1, perf_counter() - start
    return watch.report(elapsed_s / frames)


def energy(rows: list[dict[str, Any]]) -> list[Finding]:
    """Return the energy of a frame, where a sensor told it."""
    found = []
    for row in rows:
        joules = ((row["power"] or {}).get("power") or {}).get("energy_per_frame_j")
        if joules is not None:
            found.append(Finding(f"{row['name']}, energy of a frame", joules, "J"))
    return found


def flavours_here(gpu: Gpu) -> tuple[list[Flavour], dict[str, str]]:
    """Return each TensorRT that runs on this GPU, and why the others do not."""
    here, absent = [], {}
    for name in (TENSORRT, TENSORRT_RTX):
        try:
            flavour = open_flavour(name)
        except DeviceError as error:
            absent[name] = str(error)
            continue
        known = "SM" + gpu.compute_capability.replace(".", "")
        if flavour.can.compute_targets and not hasattr(flavour.module.ComputeCapability, known):
            absent[name] = f"{flavour.title} does not know {gpu}"
        else:
            here.append(flavour)
    return here, absent


def require_peer() -> None:
    """Raise DeviceError unless ONNX Runtime has its CUDA provider."""
    available = onnxruntime.get_available_providers()
    if CUDA_PROVIDER not in available:
        fix = "pip uninstall -y onnxruntime && pip install onnxruntime-gpu"
        raise DeviceError(f"ONNX Runtime with {CUDA_PROVIDER}", ", ".join(available), fix)


def require_gpu() -> Gpu:
    """Return the GPU; DeviceError without one."""
    gpu = find_gpu()
    if gpu is None:
        fix = "run it on a machine with one; nothing is measured here"
        raise DeviceError("an NVIDIA GPU with its driver", "none", fix)
    return gpu


def measured(options: argparse.Namespace) -> Results:
    """Return everything that is published."""
    gpu = require_gpu()
    require_peer()
    flavours, absent = flavours_here(gpu)
    environment = describe_environment()
    frame = synthetic_frames(1, FRAME_HW)[0]
    plan = Plan(options.rounds, options.warmup, options.power_seconds)
    rows: list[dict[str, Any]] = []
    for name in options.models:
        with TemporaryDirectory() as folder, ExitStack() as stack:
            files = exported(name, options.imgsz, Path(folder))
            opened: dict[str, list[Opened]] = {}
            for precision in PRECISIONS:
                backends = [Opened(PEER, cuda_peer(files.of(precision)))]
                backends += [engine_backend(files, precision, one, gpu) for one in flavours]
                for one in backends:
                    stack.callback(one.backend.close)
                    require_agreeing(one, files)
                opened[precision] = backends
            rows += rows_of(name, opened, plan, frame)
    settings = {key: value for key, value in vars(options).items() if key != "out"}
    environment = {**environment, "packages": package_versions(), "absent": absent}
    return Results("gpu", settings, environment, rows, energy(rows))


def main() -> int:
    """Measure and publish; the exit code is that of the error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("models", nargs="*", default=list(MODELS), help="default: " + str(MODELS))
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--warmup", type=int, default=20, help="rounds before the timed ones")
    parser.add_argument("--power-seconds", type=float, default=10.0, help="of each engine; 0: none")
    parser.add_argument("--imgsz", type=int, default=512, help="side of the networks' input")
    parser.add_argument("--out", type=Path, help="JSON file, such as docs/results/gpu.json")
    options = parser.parse_args()
    try:
        publish(measured(options), options.out)
    except EdgedetError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
