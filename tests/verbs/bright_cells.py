"""Images on which tests/golden/tiny_detector.onnx is never wrong: yellow and blue cells on black.

The detector cuts its 32 x 32 input into 4 x 4 cells; the images are twice as large.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

CELL = 16
YELLOW, BLUE = (0, 255, 255), (255, 0, 0)
CATEGORIES = [{"id": 7, "name": "other"}, {"id": 9, "name": "blue"}]
CELLS = {"a.png": [(0, 0, 7), (2, 1, 9)], "b.png": [(3, 3, 9)], "empty.png": []}
"""Column, row and category of the bright cells of each image."""


def picture(name: str) -> np.ndarray:
    image = np.zeros((4 * CELL, 4 * CELL, 3), np.uint8)
    for column, row, category in CELLS[name]:
        colour = YELLOW if category == 7 else BLUE
        image[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL] = colour
    return image


def write_images(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in CELLS:
        cv2.imwrite(str(folder / name), picture(name))
    return folder


def write_data(folder: Path, categories: list[dict[str, Any]] | None = None) -> Path:
    """A COCO folder; its image ids are 10, 20, 30."""
    write_images(folder / "images")
    ids = {name: 10 * (number + 1) for number, name in enumerate(CELLS)}
    boxes = [(name, cell) for name, cells in CELLS.items() for cell in cells]
    content = {
        "images": [
            {"id": ids[name], "file_name": name, "width": 4 * CELL, "height": 4 * CELL}
            for name in CELLS
        ],
        "categories": categories or CATEGORIES,
        "annotations": [
            {
                "id": number,
                "image_id": ids[name],
                "category_id": category,
                "bbox": [column * CELL, row * CELL, CELL, CELL],
                "area": CELL * CELL,
                "iscrowd": 0,
            }
            for number, (name, (column, row, category)) in enumerate(boxes, start=1)
        ],
    }
    (folder / "annotations").mkdir(parents=True)
    (folder / "annotations" / "val.json").write_text(json.dumps(content))
    return folder
