"""What two forms of a model are compared on: images, and average precision over a data set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgedet.data.opening import open_annotations
from edgedet.data.shapes import resolve_data
from edgedet.export.parity_images import parity_images
from edgedet.progress import progress
from edgedet.runtime.images import read_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgedet.data.annotations import Annotations
    from edgedet.model_export import Request
    from edgedet.runtime.detector import Backend

PARITY_IMAGES = 16
"""Images of the data, evenly spread, whose candidates are compared; AP takes all of them."""
AP_CONF = 0.05
"""Least score that counts for AP: what `edgedet eval` takes by default."""


def proof_annotations(request: Request, folder: Path) -> Annotations | None:
    """Return the data set of the request, or None when it names none; `folder` takes what has to
    be generated.
    """
    if request.data is None:
        return None
    data = resolve_data(request.data, folder)
    return open_annotations(data, request.split, request.recipe.bbox_mode)


def proof_frames(
    size_hw: tuple[int, int], annotations: Annotations | None, description: str
) -> Iterator[NDArray[np.uint8]]:
    """Yield frames [H, W, 3] uint8 BGR of the data, or generated ones, and show the progress."""
    if annotations is None:
        generated = parity_images(size_hw)
        yield from _counted(generated, len(generated), description)
        return
    count = min(PARITY_IMAGES, len(annotations.images))
    chosen = np.linspace(0, len(annotations.images) - 1, count).astype(int)
    paths = [annotations.images[index].path for index in chosen]
    yield from _counted((read_image(path) for path in paths), count, description)


def average_precision(backend: Backend, annotations: Annotations) -> float:
    """Return the AP in [0, 1] of a backend on the data; nan without objects."""
    from edgedet.evaluation.coco import evaluate
    from edgedet.evaluation.predictions import detect_all
    from edgedet.runtime.detector import Detector, thresholds_for

    detector = Detector(backend, thresholds_for(backend.spec, conf=AP_CONF))
    with progress(len(annotations.images), "Detecting for AP") as bar:
        detections = detect_all(detector, annotations, bar.advance)
    limit = detector.thresholds.max_detections
    return evaluate(annotations, detections, buckets=(), max_detections=limit).ap


def _counted(
    images: Iterable[NDArray[np.uint8]], count: int, description: str
) -> Iterator[NDArray[np.uint8]]:
    with progress(count, description) as bar:
        for image in images:
            yield image
            bar.advance()
