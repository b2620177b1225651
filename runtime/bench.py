"""Three speeds of a detector: the network alone, the engine call, and frame to result."""

from functools import partial
from itertools import cycle, islice
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

import numpy as np

from .errors import UsageError
from .passes import Pass, Passes
from .power_watch import watch_power
from .sustained import sustained_report

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


def measure(
    detector: "Detector",
    frames: "Iterable[NDArray[np.uint8]]",
    warmup: int = 10,
    iterations: int = 100,
    sustain_s: float = 0.0,
) -> Dict[str, Any]:
    """Return the detector's speed on `frames` (BGR uint8 [H, W, 3]) as plain JSON types.

    At most `MAX_FRAMES` frames are kept and used in turn, `batch` of them in one iteration.
    `network_only` is the backend's `run_only()` (blocking, on the buffers of the last call) when
    it has one, else the engine call; its `how` says which. `stages` holds median, 90th and 99th
    percentile and mean of each stage in milliseconds per call. `power` is what the machine's
    sensors said meanwhile (`power_report`), or None, and `power_missing` why.

    sustain_s: go on for at least so many seconds, whatever `iterations` says, and tell in
    `sustained` how the speed held out (`sustained_report`). Raises UsageError without frames, for
    a negative warm-up or time, or less than one iteration.
    """
    kept = list(islice(iter(frames), MAX_FRAMES))
    _check(len(kept), warmup, iterations, sustain_s)
    batch = detector.backend.batch
    run_only = getattr(detector.backend, "run_only", None)
    one_pass = partial(_pass, detector, _batches(kept, batch), run_only)
    with watch_power(sustain_s) as watch:
        for _ in range(warmup):
            one_pass()
        watch.begin()
        passes = _timed(one_pass, iterations, sustain_s)
    how = ENGINE_CALL_STANDS_IN if run_only is None else KEPT_BUFFERS
    report = dict(_speeds(passes, batch, how), warmup=warmup, **_frames(kept))
    # Not time by frames: an iteration also runs the network alone.
    frame_s = float(passes.column("frame_to_result").mean()) / 1000.0 / batch
    report.update(watch.report(frame_s))
    report["sustained"] = sustained_report(passes, batch, watch.between) if sustain_s else None
    return report


def percentiles(times_ms: "Iterable[float]") -> Dict[str, float]:
    """Return median, p90, p99 (linear interpolation) and mean of times in milliseconds.

    >>> percentiles([1.0, 2.0, 3.0])["median_ms"]
    2.0
    """
    times = np.array(list(times_ms), dtype=np.float64)
    median, p90, p99 = np.percentile(times, [50.0, 90.0, 99.0])
    values = (("median_ms", median), ("p90_ms", p90), ("p99_ms", p99), ("mean_ms", times.mean()))
    return {name: round(float(value), 4) for name, value in values}


def _check(frame_count: int, warmup: int, iterations: int, sustain_s: float) -> None:
    if frame_count == 0:
        raise UsageError("a source with at least one image", "none", "choose another --source")
    if iterations < 1:
        raise UsageError("--iterations of at least 1", str(iterations), "raise it")
    if warmup < 0:
        raise UsageError("--warmup of at least 0", str(warmup), "raise it")
    if not 0 <= sustain_s < float("inf"):
        raise UsageError("--sustain in seconds, at least 0", str(sustain_s), "give a number")


def _batches(frames: "List[NDArray[np.uint8]]", batch: int) -> "Iterator[List[NDArray[np.uint8]]]":
    turns = cycle(frames)
    while True:
        yield list(islice(turns, batch))


def _timed(one_pass: Callable[[], Pass], iterations: int, sustain_s: float) -> Passes:
    passes, began_s = Passes(), monotonic()
    while len(passes) < iterations or monotonic() - began_s < sustain_s:
        passes.add(one_pass())
    return passes


def _pass(
    detector: "Detector",
    batches: "Iterator[List[NDArray[np.uint8]]]",
    run_only: Optional[Callable[[], object]],
) -> Pass:
    images = next(batches)
    start = perf_counter()
    batch, placements = _prepare(detector, images)
    prepared = perf_counter()
    outputs = detector.infer(batch)
    inferred = perf_counter()
    results = [detector.postprocess(outputs, i, place) for i, place in enumerate(placements)]
    end = perf_counter()
    network = inferred - prepared if run_only is None else _seconds(run_only)
    spans = (prepared - start, inferred - prepared, end - inferred, end - start, network)
    found = sum(len(result) for result in results)
    return Pass._make([span * 1000.0 for span in spans] + [found, monotonic()])


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


def _speeds(passes: Passes, batch: int, how: str) -> Dict[str, Any]:
    stages = {name: percentiles(passes.column(name)) for name in Pass._fields[:4]}
    network, whole = percentiles(passes.column("network")), stages["frame_to_result"]
    return {
        "schema_version": SCHEMA_VERSION,
        "protocol": PROTOCOL,
        "batch": batch,
        "iterations": len(passes),
        "detections_per_frame": round(float(passes.column("detections").mean()) / batch, 2),
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
