"""What a model says of a frame before any gate or NMS, from whatever runs it."""

from itertools import islice
from typing import TYPE_CHECKING, Iterable, Iterator, NamedTuple

import numpy as np

from .preprocess import preprocess

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .detector import Backend


class Candidates(NamedTuple):
    """What a model returns for one image."""

    boxes_xyxy: "NDArray[np.float32]"
    """[K, 4], pixels of the network's input."""
    scores: "NDArray[np.float32]"
    """[K], descending."""
    labels: "NDArray[np.int64]"
    """[K]."""


def candidates_of(
    backend: "Backend", images_bgr: "Iterable[NDArray[np.uint8]]"
) -> "Iterator[Candidates]":
    """Yield the candidates of each frame [H, W, 3] uint8 BGR, in order.

    They may be the backend's own arrays: take the next one when this one is done with.
    """
    frames = iter(images_bgr)
    size = backend.batch
    group = list(islice(frames, size))
    while group:
        tensors = [preprocess(frame, backend.spec)[0] for frame in group]
        # A static batch is filled up with its last image.
        tensors += tensors[-1:] * (size - len(group))
        boxes_xyxy, scores, labels = backend.infer(np.stack(tensors))
        for index in range(len(group)):
            yield Candidates(boxes_xyxy[index], scores[index], labels[index])
        group = list(islice(frames, size))
