"""From the boxes a label file states to boxes that are known to lie on their image."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edgedet.data.annotations import Annotations, LabelledImage
from edgedet.data.faults import Complain, FaultError, Where, noting, refuse
from edgedet.data.image_header import ImageHeader, rotate_boxes


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


class StatedImage(NamedTuple):
    """One image file and what its label file states about it."""

    path: Path
    """Absolute path of the image file."""
    header: ImageHeader
    stated_hw: tuple[int, int] | None
    """The size the label file gives; None when it gives none."""
    objects: StatedObjects


class Fit(NamedTuple):
    """How the n boxes of an image lie on it."""

    upright_xyxy: npt.NDArray[np.float64]
    """[n, 4] pixels of the upright image, neither checked nor clipped."""
    clipped_xyxy: npt.NDArray[np.float32]
    """[n, 4] the same, clipped to the image."""
    positive: npt.NDArray[np.bool_]
    """[n] width and height are above 0."""
    valid: npt.NDArray[np.bool_]
    """[n] something of the box, which has an area, lies on the image."""


class StatedAnnotations(NamedTuple):
    """One split as its label files state it: `Annotations` before boxes are checked."""

    class_names: tuple[str, ...]
    images: tuple[StatedImage, ...]
    source: Path
    format: str


def stated_objects(
    rows: Sequence[tuple[Sequence[float], int, bool, str]], file: Path
) -> StatedObjects:
    """Build `StatedObjects` from rows of (box x1 y1 x2 y2, label, ignored, name)."""
    boxes = np.array([row[0] for row in rows], np.float64).reshape(-1, 4)
    labels = np.array([row[1] for row in rows], np.int64)
    ignored = np.array([row[2] for row in rows], bool)
    return StatedObjects(boxes, labels, ignored, [row[3] for row in rows], file)


def labelled_annotations(stated: StatedAnnotations, complain: Complain = refuse) -> Annotations:
    """Check and clip the boxes of every image, see `labelled_image`.

    An image that has another size than its labels say is left out when `complain` returns.
    """
    images = tuple(_labelled_images(stated.images, complain))
    return Annotations(stated.class_names, images, stated.source, stated.format)


def _labelled_images(images: Sequence[StatedImage], complain: Complain) -> Iterator[LabelledImage]:
    for image in images:
        with noting(complain):
            yield labelled_image(image, complain)


def labelled_image(image: StatedImage, complain: Complain = refuse) -> LabelledImage:
    """Check the objects against the image's header and clip them to it.

    `FaultError` for a stated size that is not the image's. `complain` is told of each box without
    area or outside the image, which is then left out; an ignored one is left out without a word:
    it excludes nothing.
    """
    objects, fit = image.objects, fit_boxes(image)
    for wrong in np.flatnonzero(~fit.valid & ~objects.ignored).tolist():
        complain(_box_fault(image, wrong, has_area=bool(fit.positive[wrong])))
    kept = fit.valid
    return LabelledImage(
        image.path,
        image.header.upright_hw,
        fit.clipped_xyxy[kept],
        objects.labels[kept],
        objects.ignored[kept],
    )


def fit_boxes(image: StatedImage) -> Fit:
    """Return how the stated boxes lie on the upright image.

    When the stated size is that of the pixels before EXIF rotation, boxes are rotated with the
    image; `FaultError` for any other size. A size that fits both ways (square, or turned by 180
    degrees) is taken as upright: that is how labelling tools have shown the image.
    """
    upright = _upright(image)
    clipped = _clipped(upright, image.header.upright_hw)
    # NaN fails every comparison, so it is caught here as well.
    positive = (upright[:, 2] > upright[:, 0]) & (upright[:, 3] > upright[:, 1])
    inside = (clipped[:, 2] > clipped[:, 0]) & (clipped[:, 3] > clipped[:, 1])
    valid = np.isfinite(upright).all(axis=1) & positive & inside
    return Fit(upright, clipped, positive, valid)


def _upright(image: StatedImage) -> npt.NDArray[np.float64]:
    objects, header = image.objects, image.header
    if image.stated_hw is None or image.stated_hw == header.upright_hw:
        return objects.boxes_xyxy
    if image.stated_hw == header.stored_hw:
        return rotate_boxes(objects.boxes_xyxy, header)
    raise FaultError(
        Where("wrong-size", image.path, f"{_size(image.stated_hw)} in {objects.file.name}"),
        f"{image.path} to be {_size(image.stated_hw)} as {objects.file} says",
        _size(header.upright_hw),
        "label the image again or restore the one that was labelled",
    )


def _clipped(
    boxes_xyxy: npt.NDArray[np.float64], size_hw: tuple[int, int]
) -> npt.NDArray[np.float32]:
    height, width = size_hw
    limit = np.array([width, height, width, height], np.float64)
    return np.clip(boxes_xyxy, 0.0, limit).astype(np.float32)


def _box_fault(image: StatedImage, index: int, *, has_area: bool) -> FaultError:
    objects = image.objects
    corners = ", ".join(f"{value:g}" for value in objects.boxes_xyxy[index])
    lack = "outside the image" if has_area else "without width or height"
    code = "box-outside" if has_area else "box-without-area"
    return FaultError(
        Where(code, objects.file, f"{objects.names[index]} on {image.path.name}"),
        f"a box with positive width and height on {image.path.name}",
        f"one {lack}, corners ({corners}), {objects.names[index]} of {objects.file}",
        "correct or delete that label",
    )


def _size(size_hw: tuple[int, int]) -> str:
    return f"{size_hw[1]}x{size_hw[0]} pixels"
