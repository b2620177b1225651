"""Labelled images side by side."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edgedet.data.annotations import Annotations, LabelledImage
from edgedet.evaluation.montage import GAP, HEIGHT, labelled_montage
from edgedet.runtime.draw import label_color


def _image(folder: Path, name: str, size_hw: tuple[int, int]) -> LabelledImage:
    cv2.imwrite(str(folder / name), np.full((*size_hw, 3), 200, np.uint8))
    box = np.array([[size_hw[1] / 4, size_hw[0] / 4, size_hw[1] / 2, size_hw[0] / 2]], np.float32)
    return LabelledImage(folder / name, size_hw, box, np.array([1]), np.array([False]))


def test_images_of_any_size_stand_in_one_row(tmp_path: Path) -> None:
    images = (_image(tmp_path, "a.png", (448, 448)), _image(tmp_path, "b.png", (112, 56)))
    annotations = Annotations(("one", "two"), images, tmp_path, "coco")
    encoded = labelled_montage(annotations, count=6)
    row = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    assert row.shape == (HEIGHT, HEIGHT + GAP + HEIGHT // 2, 3)
    # The left edge of the first box, drawn 3 px outside of it.
    edge = row[HEIGHT // 3 : HEIGHT // 2 - 8, HEIGHT // 4 - 3].astype(int)
    assert np.abs(edge - label_color(1)).max() < 60
