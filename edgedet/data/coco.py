"""COCO detection JSON (https://cocodataset.org/#format-data)."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edgedet.data.coco_json import CocoJson, Load, Record, coco_loader
from edgedet.data.faults import Complain, FaultError, Where, noting, refuse
from edgedet.data.image_finder import ImageFinder
from edgedet.data.image_header import ImageHeader, read_header
from edgedet.data.labelling import StatedAnnotations, StatedImage, StatedObjects

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


class _Frame(NamedTuple):
    # The first fields of a StatedImage.
    path: Path
    header: ImageHeader
    stated_hw: tuple[int, int] | None


def read_coco(
    path: Path, bbox_mode: str = "xywh", complain: Complain = refuse, load: Load | None = None
) -> StatedAnnotations:
    """Read a COCO JSON; its images are looked for relative to it.

    Category ids become labels 0, 1, ... in the order of the ids; crowds are ignored objects.
    `complain` is told of each image and record that cannot be used, and of boxes that can only be
    corners when read as widths (shapes_keypoints.md, A1), which are then taken as corners.
    `DataError` for a file that cannot be read at all. `load` reads the file: see `coco_loader`.
    """
    sections = (load or coco_loader(complain))(path)
    frames = _frames(sections, complain)
    sections = _restricted(sections, frames)
    sizes_hw = [frame.stated_hw or frame.header.upright_hw for frame in frames.values()]
    objects = _by_image(sections, _corners(sections, bbox_mode, sizes_hw, complain))
    images = (StatedImage(*pair[0], pair[1]) for pair in zip(frames.values(), objects, strict=True))
    return StatedAnnotations(class_names(sections.categories), tuple(images), path, "coco")


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


def _frames(sections: CocoJson, complain: Complain) -> dict[int | str, _Frame]:
    # By image id, those that can be read.
    finder = ImageFinder(_image_folders(sections.path), sections.path)
    frames = {}
    for place, image in enumerate(sections.images):
        with noting(complain):
            path = finder.find([image["file_name"]])
            where = Where("wrong-record", sections.path, f"images[{place}]")
            frames[image["id"]] = _Frame(path, read_header(path), _stated_hw(image, where))
    return frames


def _restricted(sections: CocoJson, ids: Collection[int | str]) -> CocoJson:
    kept = [place for place, item in enumerate(sections.annotations) if item["image_id"] in ids]
    return sections._replace(
        images=[image for image in sections.images if image["id"] in ids],
        annotations=[sections.annotations[place] for place in kept],
        names=[sections.names[place] for place in kept],
    )


def _stated_hw(image: Record, where: Where) -> tuple[int, int] | None:
    if "width" not in image and "height" not in image:
        return None
    try:
        return int(image["height"]), int(image["width"])
    except (KeyError, TypeError, ValueError):
        found = f"{image.get('width')!r} and {image.get('height')!r}"
        expected = f"width and height of image {image['file_name']} in {where.file}"
        fix = "correct that record"
        raise FaultError(where, f"{expected} to be whole numbers", found, fix) from None


def _corners(
    sections: CocoJson, bbox_mode: str, sizes_hw: Sequence[tuple[int, int]], complain: Complain
) -> Boxes:
    numbers = np.array([item["bbox"] for item in sections.annotations], np.float64).reshape(-1, 4)
    if bbox_mode == "xyxy":
        return numbers
    boxes = np.concatenate([numbers[:, :2], numbers[:, :2] + numbers[:, 2:]], axis=1)
    limits_xy = np.array(sizes_hw, np.float64).reshape(-1, 2)[_image_places(sections), ::-1]
    if _leave(boxes, limits_xy).any() and _could_be_corners(numbers, limits_xy):
        complain(_corners_fault(sections, numbers, _leave(boxes, limits_xy)))
        return numbers
    return boxes


def _leave(boxes_xyxy: Boxes, limits_xy: Boxes) -> npt.NDArray[np.bool_]:
    return np.asarray((boxes_xyxy[:, 2:] > limits_xy + OVERHANG).any(axis=1), np.bool_)


def _could_be_corners(numbers: Boxes, limits_xy: Boxes) -> bool:
    ordered = (numbers[:, 2:] > numbers[:, :2]).all()
    return bool(ordered and not _leave(numbers, limits_xy).any())


def _corners_fault(sections: CocoJson, numbers: Boxes, leave: npt.NDArray[np.bool_]) -> FaultError:
    first = int(np.flatnonzero(leave)[0])
    box = ", ".join(f"{number:g}" for number in numbers[first])
    return FaultError(
        Where("corners-not-widths", sections.path, sections.names[first]),
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
            [sections.names[index] for index in group],
            sections.path,
        )
        for group in groups
    ]
