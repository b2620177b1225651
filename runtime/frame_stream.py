"""A stream of frames: while the GPU works on one batch the next one is read and prepared."""

from contextlib import suppress
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, Iterable, Iterator, List, NamedTuple, Optional

from .errors import DeviceError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .detections import Detections
    from .detector import Detector
    from .preprocess import Placement


class _Batch(NamedTuple):
    """Frames that were written to the input of that turn, and where each lies."""

    turn: int
    placements: "List[Placement]"


def overlapped(
    detector: "Detector", images_bgr: "Iterable[NDArray[np.uint8]]"
) -> "Iterator[Detections]":
    """Yield the detections of each frame, in order.

    The detector's backend has two ``inputs``, `upload`, `launch` and `collect`. One batch is read
    ahead of the one whose detections are given.
    """
    backend: Any = detector.backend
    running: Optional[_Batch] = None
    try:
        for batch in _batches(detector, images_bgr):
            backend.upload(batch.turn)
            outputs = None if running is None else backend.collect()
            backend.launch(batch.turn)
            done, running = running, batch
            yield from _found(detector, outputs, done)
        if running is not None:
            outputs, done, running = backend.collect(), running, None
            yield from _found(detector, outputs, done)
    finally:
        if running is not None:  # left early, or an error: no run is left behind
            with suppress(DeviceError, ValueError):  # ValueError: closed meanwhile
                backend.collect()


def _batches(detector: "Detector", images_bgr: "Iterable[NDArray[np.uint8]]") -> Iterator[_Batch]:
    backend: Any = detector.backend
    frames = iter(images_bgr)
    for turn in cycle((0, 1)):
        chunk = list(islice(frames, backend.batch))
        if not chunk:
            return
        rows = enumerate(chunk)
        yield _Batch(turn, [detector.preprocess(image, row, turn)[1] for row, image in rows])


def _found(detector: "Detector", outputs: Any, batch: Optional[_Batch]) -> "List[Detections]":
    placements = [] if batch is None else batch.placements
    return [detector.postprocess(outputs, row, where) for row, where in enumerate(placements)]
