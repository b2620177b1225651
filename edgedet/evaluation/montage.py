"""Labelled images side by side: what a detector learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgedet.runtime.draw import label_color
from edgedet.runtime.images import read_image
from edgedet.runtime.opencv import opencv

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgedet.data.annotations import Annotations, LabelledImage

HEIGHT = 224
GAP = 6
PAPER = 250


def labelled_montage(annotations: Annotations, count: int) -> bytes:
    """Return a JPEG of the first `count` images, each `HEIGHT` px high, with their boxes."""
    tiles = [_tile(image) for image in annotations.images[:count]]
    gap = np.full((HEIGHT, GAP, 3), PAPER, np.uint8)
    row = np.concatenate([part for tile in tiles for part in (tile, gap)][:-1], axis=1)
    _, encoded = opencv().imencode(".jpg", row)
    return bytes(encoded)


def _tile(labelled: LabelledImage) -> NDArray[np.uint8]:
    cv2 = opencv()
    image_bgr = read_image(labelled.path)
    scale = HEIGHT / image_bgr.shape[0]
    width = max(1, round(image_bgr.shape[1] * scale))
    tile: NDArray[np.uint8] = cv2.resize(image_bgr, (width, HEIGHT), interpolation=cv2.INTER_AREA)
    corners = (labelled.boxes_xyxy * scale).round().astype(int).tolist()
    for (left, top, right, bottom), label in zip(corners, labelled.labels.tolist(), strict=True):
        cv2.rectangle(tile, (left - 3, top - 3), (right + 3, bottom + 3), label_color(label), 2)
    return tile
