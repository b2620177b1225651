"""Three speeds of a detector: the network alone, the engine call, and frame to result."""

from itertools import cycle, islice
from time import perf_counter
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple

import numpy as np

from .errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .detector import Detector

SCHEMA_VERSION = 1
# A video is not read to its end: this many 1080p frames take 200 MB, which a 4 GB board can spare.
MAX_FRAMES = 32
PROTOCOL = (
    "time.perf_counter around blocking calls, after the warm-up, one call after another; each "
    "iteration takes the next frame, already in memory, through all stages; fps = batch * 1000 / "
    "median_ms"
)
ENGINE_CALL_STANDS_IN = "engine call (this backend has no run without copies)"
KEPT_BUFFERS = "run on inputs and outputs that stay with the engine"


class _Pass(NamedTuple):
    """One batch of frames taken through the detector. Times in milliseconds."""

    preprocess: float
    infer: float
    postprocess: float
    frame_to_result: float
    network: float
    detections: int


def measure(
    detector: "Detector",
    frames: "Iterable[NDArray[np.uint8]]",
    warmup: int = 10,
    iterations: int = 100,
) -> Dict[str, Any]:
    """Return the detector's speed on `frames` (BGR uint8 [H, W, 3]) as plain JSON types.

    At most `MAX_FRAMES` frames are kept and used in turn, `batch` of them in one iteration.
    `network_only` is the backend's `run_only()` (blocking, on the buffers of the last call) when
    it has one, else the engine call; its `how` says which. `stages` holds median, 90th and 99th
    percentile and mean of each stage in milliseconds per call. Raises UsageError without frames,
    for a negative warm-up or less than one iteration.
    """
    kept = list(islice(iter(frames), MAX_FRAMES))
    _check(len(kept), warmup, iterations)
    batch = detector.backend.batch
    run_only = getattr(detector.backend, "run_only", None)
    turns = cycle(kept)
    for _ in range(warmup):
        _pass(detector, list(islice(turns, batch)), run_only)
    passes = [_pass(detector, list(islice(turns, batch)), run_only) for _ in range(iterations)]
    how = ENGINE_CALL_STANDS_IN if run_only is None else KEPT_BUFFERS
    return dict(_speeds(passes, batch, how), warmup=warmup, **_frames(kept))


def percentiles(times_ms: "Iterable[float]") -> Dict[str, float]:
    """Return median, p90, p99 (linear interpolation) and mean of times in milliseconds.

    >>> percentiles([1.0, 2.0, 3.0])["median_ms"]
    2.0
    """
    times = np.asarray(list(times_ms), dtype=np.float64)
    median, p90, p99 = np.percentile(times, [50.0, 90.0, 99.0])
    values = (("median_ms", median), ("p90_ms", p90), ("p99_ms", p99), ("mean_ms", times.mean()))
    return {name: round(float(value), 4) for name, value in values}


def _check(frame_count: int, warmup: int, iterations: int) -> None:
    if frame_count == 0:
        raise UsageError("a source with at least one image", "none", "choose another --source")
    if iterations < 1:
        raise UsageError("--iterations of at least 1", str(iterations), "raise it")
    if warmup < 0:
        raise UsageError("--warmup of at least 0", str(warmup), "raise it")


def _pass(
    detector: "Detector",
    images: "List[NDArray[np.uint8]]",
    run_only: Optional[Callable[[], object]],
) -> _Pass:
    start = perf_counter()
    batch, placements = _prepare(detector, images)
    prepared = perf_counter()
    outputs = detector.infer(batch)
    inferred = perf_counter()
    results = [detector.postprocess(outputs, i, place) for i, place in enumerate(placements)]
    end = perf_counter()
    network = inferred - prepared if run_only is None else _seconds(run_only)
    spans = (prepared - start, inferred - prepared, end - inferred, end - start, network)
    return _Pass._make([span * 1000.0 for span in spans] + [sum(len(r) for r in results)])


def _prepare(
    detector: "Detector", images: "List[NDArray[np.uint8]]"
) -> "Tuple[NDArray[Any], List[Any]]":
    pairs = [detector.preprocess(image, row) for row, image in enumerate(images)]
    # The detector keeps one batch and fills a row of it at each call.
    return pairs[-1][0], [placement for _, placement in pairs]


def _seconds(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def _frames(frames: "List[NDArray[np.uint8]]") -> Dict[str, Any]:
    sizes = sorted({frame.shape[:2] for frame in frames})
    return {"frames": len(frames), "frame_sizes_hw": [list(size) for size in sizes]}


def _speeds(passes: List[_Pass], batch: int, how: str) -> Dict[str, Any]:
    stages = {name: percentiles(getattr(p, name) for p in passes) for name in _Pass._fields[:4]}
    network, whole = percentiles(p.network for p in passes), stages["frame_to_result"]
    return {
        "schema_version": SCHEMA_VERSION,
        "protocol": PROTOCOL,
        "batch": batch,
        "iterations": len(passes),
        "detections_per_frame": round(sum(p.detections for p in passes) / len(passes) / batch, 2),
        "network_only": dict(network, fps=_fps(network, batch), how=how),
        "engine_call": dict(stages["infer"], fps=_fps(stages["infer"], batch)),
        "frame_to_result": dict(whole, fps=_fps(whole, batch)),
        "beyond_network_percent": _excess_percent(whole, network),
        "stages": stages,
    }


def _fps(times: Dict[str, float], batch: int) -> Optional[float]:
    return round(batch * 1000.0 / times["median_ms"], 2) if times["median_ms"] else None


def _excess_percent(whole: Dict[str, float], network: Dict[str, float]) -> Optional[float]:
    if not network["median_ms"]:
        return None
    return round(100.0 * (whole["median_ms"] / network["median_ms"] - 1.0), 2)
