"""One run of `edgedet predict`: from a model file and a source to results on disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from edgedet.opening import open_any, resolved_device
from edgedet.progress import progress
from edgedet.rundir import new_run_dir
from edgedet.runtime.atomic import atomic_path
from edgedet.runtime.detector import Detector
from edgedet.runtime.results import ImageResult, results_to_json
from edgedet.runtime.sources import Frame, Source, VideoSource, open_source
from edgedet.sinks import Sink, open_sink

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
        look = _Look(detector)
        if request.save:
            look.sink = stack.enter_context(open_sink(source, request.source, folder, names))
        results = _see(look, source, say)
    text = results_to_json(str(request.model), device, detector.spec, results)
    with atomic_path(folder / "results.json") as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return Prediction(text, f"{_counted(results, names)}; results in {folder}", folder)


def _see(look: _Look, source: Source, say: Say) -> list[ImageResult]:
    return (
        _video(look, source, say) if isinstance(source, VideoSource) else _images(look, source, say)
    )


def _images(look: _Look, source: Source, say: Say) -> list[ImageResult]:
    results = []
    for frame in source:
        result, spent_ms = look.at(frame)
        results.append(result)
        say(f"{frame.name}: {summary_of([result], look.class_names)} in {spent_ms:.1f} ms")
    return results


def _video(look: _Look, source: VideoSource, say: Say) -> list[ImageResult]:
    results, times_ms = [], []
    with progress(source.length, f"Looking at {source.path.name}") as bar:
        for frame in source:
            result, spent_ms = look.at(frame)
            results.append(result)
            times_ms.append(spent_ms)
            bar.note(f"{len(result.detections)} found, {spent_ms:.0f} ms")
            bar.advance()
    say(f"{source.path}: {len(results)} frames, median {median(times_ms):.1f} ms")
    return results


class _Look:
    """One frame after the other, with the time that each takes."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.class_names = detector.spec.class_names
        self.sink: Sink | None = None

    def at(self, frame: Frame) -> tuple[ImageResult, float]:
        """The result of one frame and the milliseconds from frame to result."""
        started = time.perf_counter()
        detections = self._detector(frame.image_bgr)
        spent_ms = 1000 * (time.perf_counter() - started)
        if self.sink is not None:
            self.sink.put(frame, detections)
        height, width = frame.image_bgr.shape[:2]
        return ImageResult(frame.name, (height, width), detections), spent_ms


def summary_of(results: Sequence[ImageResult], class_names: Sequence[str]) -> str:
    """How many objects of each class there are: ``3 pear, 1 apple``; classes in their order."""
    labels = [label for result in results for label in result.detections.labels.tolist()]
    counted = [(labels.count(label), name) for label, name in enumerate(class_names)]
    return ", ".join(f"{count} {name}" for count, name in counted if count) or "nothing"


def _counted(results: Sequence[ImageResult], class_names: Sequence[str]) -> str:
    images = "1 image" if len(results) == 1 else f"{len(results)} images"
    return f"{images}: {summary_of(results, class_names)}"
