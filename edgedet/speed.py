"""How fast a model is on a device of this machine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgedet.runtime.bench import MAX_FRAMES, measure
from edgedet.runtime.environment import describe_environment
from edgedet.runtime.errors import DeviceError
from edgedet.runtime.synthetic_frames import synthetic_frames

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgedet.runtime import Detector

SYNTHETIC = "synthetic frames"
"""What `source` says when no real frames were given."""


@dataclass(frozen=True)
class SpeedRequest:
    """What to measure and how long."""

    source: str | None = None
    """Image, folder, glob or video; None = generated frames of 1920x1080."""
    threads: int | None = None
    """Threads of the engine; None = its own choice."""
    iterations: int = 100
    warmup: int = 10


def measure_speed(model: Path, device: str, request: SpeedRequest) -> dict[str, Any]:
    """Return model, source, environment and speeds (`runtime.bench.measure`) as JSON types.

    Raises DeviceError for a device this release does not measure on.
    """
    if device not in DEVICES:
        known = ", ".join(sorted(DEVICES))
        raise DeviceError(f"--device out of {known}", f"'{device}'", f"use --device {known}")
    return DEVICES[device](model, request)


def _on_cpu(model: Path, request: SpeedRequest) -> dict[str, Any]:
    from edgedet.opening import open_any

    # Before the model is opened and warmed up, which would itself raise the load.
    before = describe_environment(request.threads)
    frames = _frames(request.source)
    with open_any(model, device="cpu", threads=request.threads) as detector:
        speeds = measure(detector, frames, request.warmup, request.iterations)
        about = _about(model, detector)
    after = describe_environment(request.threads)
    load = {key: before[key] for key in ("load_average", "machine_busy")}
    return {
        **about,
        "device": "cpu",
        "source": request.source or SYNTHETIC,
        "environment": {**after, **load},
        **speeds,
    }


DEVICES: Mapping[str, Callable[[Path, SpeedRequest], dict[str, Any]]] = {"cpu": _on_cpu}
"""`--device` name -> how to measure there."""


def _frames(source: str | None) -> "list[NDArray[np.uint8]]":
    if source is None:
        return synthetic_frames()
    from itertools import islice

    from edgedet.runtime.sources import open_source

    with open_source(source) as frames:
        return [frame.image_bgr for frame in islice(frames, MAX_FRAMES)]


def _about(model: Path, detector: "Detector") -> dict[str, Any]:
    spec = detector.spec
    return {
        "model": str(model),
        "builder": spec.provenance.get("builder"),
        "precision": spec.provenance.get("precision"),
        "input_size_hw": list(spec.size_hw),
        "input_dtype": spec.input_dtype,
    }
