"""A data set in every format that no check has anything to say about, and ways to break it."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from label_files import (
    CLASSES,
    SIZE_HW,
    Box,
    voc_object,
    write_coco,
    write_text,
    write_visdrone,
    write_voc,
    write_yolo,
)

from edgedet.checks.checking import check_data
from edgedet.checks.options import CheckOptions
from edgedet.checks.report import CheckReport, Finding

IMAGES = 5
"""In each split."""
FORMATS = {"coco": write_coco, "yolo": write_yolo, "voc": write_voc, "visdrone": write_visdrone}
CLASSES_OF = {"coco": 3, "yolo": 3, "voc": 3, "visdrone": 10}
EACH = 3
"""Objects of a class in an image."""


def labels(split: str, classes: int) -> dict[str, list[tuple[int, Box]]]:
    """Boxes of 6 x 6 px on a grid of 8 px, none touching another."""
    cells = [(number // EACH, number % 10, number // 10) for number in range(EACH * classes)]
    boxes = [
        (label, (8 * column + 1, 8 * row + 1, 8 * column + 7, 8 * row + 7))
        for label, column, row in cells
    ]
    return {f"{split}{number}": boxes for number in range(IMAGES)}


def picture(seed: int, size_hw: tuple[int, int] = SIZE_HW) -> np.ndarray:
    """Soft blobs of colour, different for every seed, as photographs are."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(noise, size_hw[::-1], interpolation=cv2.INTER_CUBIC)


def write_clean(folder: Path, name: str) -> Path:
    """Write train and val in the format `name`."""
    for split in ("train", "val"):
        FORMATS[name](folder, labels(split, CLASSES_OF[name]), split)
    for seed, path in enumerate(sorted(folder.rglob("*.png"))):
        cv2.imwrite(str(path), picture(seed))
    return folder


def image_of(folder: Path, stem: str) -> Path:
    return next(folder.rglob(f"{stem}.png"))


def label_file_of(folder: Path, stem: str) -> Path:
    """The label file of one image; in COCO that of its split."""
    found = [*folder.rglob(f"{stem}.txt"), *folder.rglob(f"{stem}.xml")]
    return found[0] if found else folder / "annotations" / f"{stem.rstrip('0123456789')}.json"


def edit_coco(folder: Path, edit: Callable[[dict], object], split: str = "train") -> None:
    path = folder / "annotations" / f"{split}.json"
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))


def add_object(folder: Path, name: str, label: int, box: Box, stem: str = "train0") -> None:
    """Append an object to the labels of an image."""
    x1, y1, x2, y2 = box
    height, width = SIZE_HW
    path = label_file_of(folder, stem)
    if name == "coco":
        edit_coco(folder, lambda document: _add_coco(document, label, box, stem))
    elif name == "yolo":
        centre = f"{(x1 + x2) / 2 / width} {(y1 + y2) / 2 / height}"
        size = f"{(x2 - x1) / width} {(y2 - y1) / height}"
        add_line(path, f"{label} {centre} {size}")
    elif name == "voc":
        text = path.read_text()
        end = "</annotation>"
        write_text(path, text.replace(end, voc_object(CLASSES[label], box) + end))
    else:
        add_line(path, f"{x1},{y1},{x2 - x1},{y2 - y1},1,{label + 1},0,0")


def _add_coco(document: dict, label: int, box: Box, stem: str) -> None:
    x1, y1, x2, y2 = box
    image = next(image for image in document["images"] if image["file_name"] == f"{stem}.png")
    document["annotations"].append(
        {
            "id": 1000 + len(document["annotations"]),
            "image_id": image["id"],
            "category_id": 7 * (label + 1),
            "bbox": [x1, y1, x2 - x1, y2 - y1],
        }
    )


def add_line(path: Path, line: str) -> None:
    path.write_text(f"{path.read_text()}{line}\n")


def check(folder: Path, **options: object) -> CheckReport:
    return check_data(folder, CheckOptions(**{"threads": 2, **options}))


def only(report: CheckReport, code: str) -> Finding:
    """Return the one finding, which has to be of that code."""
    assert [finding.code for finding in report.findings] == [code]
    return report.findings[0]
