"""One run of `edgedet predict`: from a model file and a source to results on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from edgedet.opening import open_any, resolved_device
from edgedet.progress import progress
from edgedet.rundir import new_run_dir
from edgedet.runtime.atomic import atomic_path
from edgedet.runtime.looking import Look, look_at, summary_line, summary_of
from edgedet.runtime.results import ImageResult, results_to_json
from edgedet.runtime.sinks import open_sink
from edgedet.runtime.sources import VideoSource, open_source

Say = Callable[[str], object]
"""Takes a line for people."""


@dataclass(frozen=True)
class Request:
    """What is to be looked at."""

    model: Path
    """A checkpoint (.pt) or an exported model (.onnx)."""
    source: str
    """An image, a folder, a glob or a video file."""
    conf: float | None = None
    """Least score; None: the model's."""
    iou: float | None = None
    """NMS overlap; None: the model's."""
    save: bool = True
    """Whether to write pictures with boxes."""
    device: str = "auto"


@dataclass(frozen=True)
class Prediction:
    """What was found, and where it is kept."""

    json: str
    """The results in the form of `results_to_json`."""
    summary: str
    """One line for people."""
    folder: Path


def run_prediction(request: Request, out: Path | None, say: Say) -> Prediction:
    """Look at every frame of the source and write results.json, and pictures when asked to.

    ``say`` gets a line for each image, or one for a whole video.

    Raises UsageError, DataError, ModelError or DeviceError; nothing unfinished is left under a
    final name.
    """
    with ExitStack() as stack:
        thresholds = (request.conf, request.iou)
        device = resolved_device(request.model, request.device)
        detector = stack.enter_context(open_any(request.model, *thresholds, device=device))
        source = stack.enter_context(open_source(request.source))
        folder = new_run_dir("predict", out)
        names = detector.spec.class_names
        sink = None
        if request.save:
            sink = stack.enter_context(open_sink(source, request.source, folder, names))
        looks = look_at(source, detector, sink)
        if isinstance(source, VideoSource):
            results = _video(looks, source, names, say)
        else:
            results = _images(looks, names, say)
    text = results_to_json(str(request.model), device, detector.spec, results)
    with atomic_path(folder / "results.json") as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return Prediction(text, f"{summary_line(results, names)}; results in {folder}", folder)


def _images(looks: Iterable[Look], names: Sequence[str], say: Say) -> list[ImageResult]:
    results = []
    for look in looks:
        results.append(look.result)
        found = summary_of([look.result], names)
        say(f"{look.frame.name}: {found} in {look.spent_ms:.1f} ms")
    return results


def _video(
    looks: Iterable[Look], source: VideoSource, names: Sequence[str], say: Say
) -> list[ImageResult]:
    results, times_ms = [], []
    with progress(source.length, f"Looking at {source.path.name}") as bar:
        for look in looks:
            results.append(look.result)
            times_ms.append(look.spent_ms)
            bar.note(f"{len(look.result.detections)} found, {look.spent_ms:.0f} ms")
            bar.advance()
    say(f"{source.path}: {len(results)} frames, median {median(times_ms):.1f} ms")
    return results
