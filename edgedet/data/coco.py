"""COCO detection JSON (https://cocodataset.org/#format-data)."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgedet.data.annotations import Annotations
from edgedet.data.coco_json import CocoJson, Record, load_coco_json
from edgedet.data.image_finder import ImageFinder
from edgedet.data.image_header import ImageHeader, read_header
from edgedet.data.labelling import StatedObjects, labelled_image
from edgedet.runtime.errors import DataError

BBOX_MODES = ("xywh", "xyxy")
"""What the four numbers of `bbox` are: a corner and the size, as COCO has it, or two corners."""
OVERHANG = 1.0
"""Pixels by which a box may leave its image before the whole file is taken for corners."""
Boxes = npt.NDArray[np.float64]


def patterns(split: str) -> list[str]:
    """Return where a split's JSON may lie in a data set's folder."""
    roboflow = {"val": "valid"}.get(split, split)
    return [
        f"annotations/{split}.json",
        f"annotations/instances_{split}*.json",
        f"{roboflow}/_annotations.coco.json",
    ]


def read_coco(path: Path, bbox_mode: str = "xywh") -> Annotations:
    """Read a COCO JSON; its images are looked for relative to it.

    Category ids become labels 0, 1, ... in the order of the ids; crowds are ignored objects.
    `DataError` for broken JSON, a missing field, image or category, a box without area, and for
    boxes that can only be corners when read as widths (shapes_keypoints.md, A1).
    """
    sections = load_coco_json(path)
    finder = ImageFinder(_image_folders(path), path)
    paths = [finder.find([image["file_name"]]) for image in sections.images]
    headers = [read_header(image_path) for image_path in paths]
    sizes_hw = [_stated_hw(*pair, path) for pair in zip(sections.images, headers, strict=True)]
    boxes = _corners(sections, bbox_mode, sizes_hw)
    objects = _by_image(sections, boxes)
    return Annotations(
        class_names(sections.categories),
        tuple(map(labelled_image, paths, headers, objects, sizes_hw)),
        path,
        "coco",
    )


def class_names(categories: Sequence[Record]) -> tuple[str, ...]:
    """Return the names in the order of their ids: the name of label 0, 1, ..."""
    return tuple(item["name"] for item in sorted(categories, key=lambda item: item["id"]))


def _image_folders(path: Path) -> list[Path]:
    # instances_train2017.json has its images in train2017; annotations/x.json in ../images.
    home, root = path.parent, path.parent.parent
    split = re.sub(r"^(instances|person_keypoints|image_info)_", "", path.stem)
    return [
        *(root / "images", root / "images" / split, root / split),
        *(home / "images", home / "images" / split, home / split),
        *(home, root),
    ]


def _stated_hw(image: Record, header: ImageHeader, path: Path) -> tuple[int, int]:
    if "width" not in image and "height" not in image:
        return header.upright_hw
    try:
        return int(image["height"]), int(image["width"])
    except (KeyError, TypeError, ValueError):
        found = f"{image.get('width')!r} and {image.get('height')!r}"
        expected = f"width and height of image {image['file_name']} in {path} to be whole numbers"
        raise DataError(expected, found, "correct that record") from None


def _corners(sections: CocoJson, bbox_mode: str, sizes_hw: Sequence[tuple[int, int]]) -> Boxes:
    numbers = np.array([item["bbox"] for item in sections.annotations], np.float64).reshape(-1, 4)
    if bbox_mode == "xyxy":
        return numbers
    boxes = np.concatenate([numbers[:, :2], numbers[:, :2] + numbers[:, 2:]], axis=1)
    limits_xy = np.array(sizes_hw, np.float64).reshape(-1, 2)[_image_places(sections), ::-1]
    if _leave(boxes, limits_xy).any() and _could_be_corners(numbers, limits_xy):
        raise _corners_error(sections, numbers, _leave(boxes, limits_xy))
    return boxes


def _leave(boxes_xyxy: Boxes, limits_xy: Boxes) -> npt.NDArray[np.bool_]:
    return np.asarray((boxes_xyxy[:, 2:] > limits_xy + OVERHANG).any(axis=1), np.bool_)


def _could_be_corners(numbers: Boxes, limits_xy: Boxes) -> bool:
    ordered = (numbers[:, 2:] > numbers[:, :2]).all()
    return bool(ordered and not _leave(numbers, limits_xy).any())


def _corners_error(sections: CocoJson, numbers: Boxes, leave: npt.NDArray[np.bool_]) -> DataError:
    first = int(np.flatnonzero(leave)[0])
    box = ", ".join(f"{number:g}" for number in numbers[first])
    return DataError(
        f"bbox [x, y, width, height] inside the images in {sections.path}",
        f"{int(leave.sum())} of {len(numbers)} boxes that leave their image, first [{box}], "
        "and all would fit as corners [x1, y1, x2, y2]",
        "read them with bbox_mode=xyxy or write true widths and heights",
    )


def _image_places(sections: CocoJson) -> npt.NDArray[np.int64]:
    places = {image["id"]: place for place, image in enumerate(sections.images)}
    return np.array([places[item["image_id"]] for item in sections.annotations], np.int64)


def _by_image(sections: CocoJson, boxes_xyxy: Boxes) -> list[StatedObjects]:
    ids = sorted(category["id"] for category in sections.categories)
    labels = np.searchsorted(ids, [item["category_id"] for item in sections.annotations])
    crowd = np.array([bool(item.get("iscrowd")) for item in sections.annotations], bool)
    places = _image_places(sections)
    order = np.argsort(places, kind="stable")
    bounds = np.searchsorted(places[order], np.arange(1, len(sections.images)))
    groups = np.split(order, bounds) if sections.images else []
    return [
        StatedObjects(
            boxes_xyxy[group],
            labels[group].astype(np.int64),
            crowd[group],
            [_name(sections.annotations[index], index) for index in group],
            sections.path,
        )
        for group in groups
    ]


def _name(annotation: Record, index: Any) -> str:
    return f"annotation {annotation['id']}" if "id" in annotation else f"annotations[{index}]"
