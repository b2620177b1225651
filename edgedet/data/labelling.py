"""From the boxes a label file states to boxes that are known to lie on their image."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edgedet.data.annotations import LabelledImage
from edgedet.data.image_header import ImageHeader, rotate_boxes
from edgedet.runtime.errors import DataError


class StatedObjects(NamedTuple):
    """The objects of one image as its label file states them."""

    boxes_xyxy: npt.NDArray[np.float64]
    """[n, 4] corners in pixels of the frame that the label file has in mind."""
    labels: npt.NDArray[np.int64]
    """[n] 0-based class."""
    ignored: npt.NDArray[np.bool_]
    """[n] neither object nor background."""
    names: Sequence[str]
    """[n] how to find each in its file: "annotation 7", "line 3"."""
    file: Path
    """The label file, for error messages."""


def stated_objects(
    rows: Sequence[tuple[Sequence[float], int, bool, str]], file: Path
) -> StatedObjects:
    """Build `StatedObjects` from rows of (box x1 y1 x2 y2, label, ignored, name)."""
    boxes = np.array([row[0] for row in rows], np.float64).reshape(-1, 4)
    labels = np.array([row[1] for row in rows], np.int64)
    ignored = np.array([row[2] for row in rows], bool)
    return StatedObjects(boxes, labels, ignored, [row[3] for row in rows], file)


def labelled_image(
    path: Path,
    header: ImageHeader,
    objects: StatedObjects,
    stated_hw: tuple[int, int] | None = None,
) -> LabelledImage:
    """Check the objects against the image's header and clip them to it.

    stated_hw: the size the label file gives; when it is that of the pixels before EXIF rotation,
    the boxes are rotated with the image. `DataError` for any other size and for a box without
    area or outside the image; an ignored one is dropped: it excludes nothing.
    """
    boxes = _upright(objects, header, stated_hw, path)
    clipped = _clipped(boxes, header.upright_hw)
    kept = _valid(objects, clipped, path)
    return LabelledImage(
        path, header.upright_hw, clipped[kept], objects.labels[kept], objects.ignored[kept]
    )


def _upright(
    objects: StatedObjects, header: ImageHeader, stated_hw: tuple[int, int] | None, path: Path
) -> npt.NDArray[np.float64]:
    # A size that fits both ways (square, or turned by 180 degrees) is taken as upright: that is
    # how labelling tools have shown the image.
    if stated_hw is None or stated_hw == header.upright_hw:
        return objects.boxes_xyxy
    if stated_hw == header.stored_hw:
        return rotate_boxes(objects.boxes_xyxy, header)
    raise DataError(
        f"{path} to be {_size(stated_hw)} as {objects.file} says",
        _size(header.upright_hw),
        "label the image again or restore the one that was labelled",
    )


def _clipped(
    boxes_xyxy: npt.NDArray[np.float64], size_hw: tuple[int, int]
) -> npt.NDArray[np.float32]:
    height, width = size_hw
    limit = np.array([width, height, width, height], np.float64)
    return np.clip(boxes_xyxy, 0.0, limit).astype(np.float32)


def _valid(
    objects: StatedObjects, clipped: npt.NDArray[np.float32], path: Path
) -> npt.NDArray[np.bool_]:
    # NaN fails every comparison, so it is caught here as well.
    stated = objects.boxes_xyxy
    positive = (stated[:, 2] > stated[:, 0]) & (stated[:, 3] > stated[:, 1])
    inside = (clipped[:, 2] > clipped[:, 0]) & (clipped[:, 3] > clipped[:, 1])
    valid: npt.NDArray[np.bool_] = np.isfinite(stated).all(axis=1) & positive & inside
    wrong = np.flatnonzero(~valid & ~objects.ignored)
    if len(wrong):
        first = int(wrong[0])
        lack = "outside the image" if positive[first] else "without width or height"
        raise _box_error(objects, first, lack, path)
    return valid


def _box_error(objects: StatedObjects, index: int, lack: str, path: Path) -> DataError:
    corners = ", ".join(f"{value:g}" for value in objects.boxes_xyxy[index])
    return DataError(
        f"a box with positive width and height on {path.name}",
        f"one {lack}, corners ({corners}), {objects.names[index]} of {objects.file}",
        "correct or delete that label",
    )


def _size(size_hw: tuple[int, int]) -> str:
    return f"{size_hw[1]}x{size_hw[0]} pixels"
