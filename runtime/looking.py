"""Looking at a source frame by frame: what was found, and how long it took."""

import time
from typing import TYPE_CHECKING, Iterator, NamedTuple, Optional, Sequence

from .results import ImageResult

if TYPE_CHECKING:
    from .detector import Detector
    from .sinks import Sink
    from .sources import Frame, Source


class Look(NamedTuple):
    """One frame and what was found in it."""

    frame: "Frame"
    result: ImageResult
    spent_ms: float
    """From the frame to its detections; reading and drawing it not counted."""


def look_at(
    source: "Source", detector: "Detector", sink: "Optional[Sink]" = None
) -> Iterator[Look]:
    """Yield what is in each frame of the source, after handing it to the sink.

    Raises DataError at a frame that cannot be read, DeviceError at one that cannot be written.
    """
    for frame in source:
        started = time.perf_counter()
        detections = detector(frame.image_bgr)
        spent_ms = 1000 * (time.perf_counter() - started)
        if sink is not None:
            sink.put(frame, detections)
        height, width = frame.image_bgr.shape[:2]
        yield Look(frame, ImageResult(frame.name, (height, width), detections), spent_ms)


def summary_of(results: Sequence[ImageResult], class_names: Sequence[str]) -> str:
    """How many objects of each class there are: ``3 pear, 1 apple``; classes in their order."""
    labels = [label for result in results for label in result.detections.labels.tolist()]
    counted = [(labels.count(label), name) for label, name in enumerate(class_names)]
    return ", ".join("{} {}".format(count, name) for count, name in counted if count) or "nothing"


def summary_line(results: Sequence[ImageResult], class_names: Sequence[str]) -> str:
    """The same with the number of images: ``20 images: 3 pear, 1 apple``."""
    images = "1 image" if len(results) == 1 else "{} images".format(len(results))
    return "{}: {}".format(images, summary_of(results, class_names))
