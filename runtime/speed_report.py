"""One measurement of a model on this machine: its speeds, and all that they depend on."""

from itertools import islice
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional

from .bench import MAX_FRAMES, measure
from .environment import describe_environment
from .memory_steps import memory_report
from .sources import open_source
from .synthetic_frames import synthetic_frames

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .detector import Detector
    from .spec import ModelSpec

MEASURED = "measured"
"""The report's `kind`: no estimate."""
SYNTHETIC = "synthetic frames"
"""What `source` says when no real frames were given."""


class SpeedRequest(NamedTuple):
    """What to measure and how long."""

    source: Optional[str] = None
    """Image, folder, glob or video; None = generated frames of 1920x1080."""
    threads: Optional[int] = None
    """Threads of the engine; None = its own choice."""
    iterations: int = 100
    warmup: int = 10
    sustain_s: float = 0.0
    """Go on for at least so long, to see heat and throttling."""


def speed_report(
    open_model: "Callable[[], Detector]", about: Dict[str, Any], request: SpeedRequest
) -> Dict[str, Any]:
    """Return model, source, environment, speeds (`bench.measure`) and memory as JSON types.

    open_model: opens the detector that is measured and closed again. about: ``model`` and
    ``device`` by name, and whatever else is to stand in the report, in place of what the model's
    spec says. Raises what opening, the source and `measure` raise.
    """
    # Before the model is opened and warmed up, which would itself raise the load.
    before = describe_environment(request.threads)
    frames = _frames(request.source)
    with open_model() as detector:
        speeds = measure(detector, frames, request.warmup, request.iterations, request.sustain_s)
        memory = memory_report(getattr(detector.backend, "memory_steps", []))
        report = _facts_of(detector.spec)
    after = describe_environment(request.threads)
    load = {key: before[key] for key in ("load_average", "machine_busy")}
    report.update(about)
    report.update(source=request.source or SYNTHETIC, environment=dict(after, **load))
    report.update(speeds, memory=memory)
    return report


def _frames(source: Optional[str]) -> "List[NDArray[np.uint8]]":
    if source is None:
        return synthetic_frames()
    with open_source(source) as frames:
        return [frame.image_bgr for frame in islice(frames, MAX_FRAMES)]


def _facts_of(spec: "ModelSpec") -> Dict[str, Any]:
    return {
        "kind": MEASURED,
        "model": None,
        "device": None,
        "builder": spec.provenance.get("builder"),
        "precision": spec.provenance.get("precision"),
        "adapter": spec.provenance.get("adapter"),
        "input_size_hw": list(spec.size_hw),
        "input_dtype": spec.input_dtype,
    }
