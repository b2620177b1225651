"""Findings about boxes that can be used but look wrong."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from edgedet.checks.options import CheckOptions
from edgedet.checks.parts import Part
from edgedet.checks.report import Finding, Kind, Place, counted
from edgedet.data.annotations import MIN_SIDE
from edgedet.data.coco import OVERHANG
from edgedet.data.labelling import Fit, StatedImage
from edgedet.runtime.boxes import iou_matrix
from edgedet.runtime.preprocess import place
from edgedet.runtime.spec import ModelSpec

ROUNDING = 0.05
"""Pixels by which a box may leave its image without a word: coordinates are written rounded."""
SAME_IOU = 0.95
"""Overlap above which two boxes of one class are one object labelled twice."""
CLIPPED = "boxes are clipped to the image; correct them when that cuts off more than intended"
OVER_EDGE = Kind("box-over-edge", "warning", CLIPPED)
VANISHING = Kind(
    "box-vanishes", "warning", "train with a larger imgsz or on tiles, or delete the box"
)
TWICE = Kind("duplicate-box", "warning", "delete all but one of them")


def over_edge(parts: Sequence[Part]) -> list[Finding]:
    """Return boxes that lie partly outside their image, the worst first.

    A note when no box leaves by more than 1 px, which is how labels are rounded.
    """
    found = [hit for part in parts for pair in part.fits for hit in _leaving(*pair)]
    found.sort(key=lambda hit: -hit[0])
    worst = found[0][0] if found else 0.0
    what = f"{counted(len(found), 'box')} partly outside the image, by up to {worst:.3g} px"
    kind = OVER_EDGE._replace(severity="warning" if worst > OVERHANG else "note")
    return kind.found(what, [where for _, where in found])


def _leaving(image: StatedImage, fit: Fit) -> Iterator[tuple[float, Place]]:
    excess = np.abs(fit.upright_xyxy - fit.clipped_xyxy).max(axis=1, initial=0.0)
    for index in np.flatnonzero(_counting(image, fit) & (excess > ROUNDING)).tolist():
        yield float(excess[index]), _place(image, index, f"by {excess[index]:.3g} px")


def vanishing(parts: Sequence[Part], options: CheckOptions) -> list[Finding]:
    """Return boxes with a side below 1 px at the network's input, which training leaves out."""
    spec = ModelSpec(("any",), (options.imgsz, options.imgsz), resize=options.resize)
    places = [where for part in parts for pair in part.fits for where in _too_small(*pair, spec)]
    size = f"{options.imgsz} px input"
    what = f"{counted(len(places), 'box')} with a side below {MIN_SIDE:g} px at the {size}"
    return VANISHING.found(what, places)


def _too_small(image: StatedImage, fit: Fit, spec: ModelSpec) -> Iterator[Place]:
    boxes = place(image.header.upright_hw, spec).boxes_to_input(fit.clipped_xyxy)
    sides = boxes[:, 2:] - boxes[:, :2]
    small = (sides < MIN_SIDE).any(axis=1)
    for index in np.flatnonzero(_counting(image, fit) & small).tolist():
        width, height = sides[index]
        yield _place(image, index, f"{width:.2f} x {height:.2f} px")


def labelled_twice(parts: Sequence[Part]) -> list[Finding]:
    """Return boxes that repeat an earlier one of the same class in the same image."""
    places = [where for part in parts for pair in part.fits for where in _repeated(*pair)]
    what = f"{counted(len(places), 'box')} of the class and nearly the place of another"
    return TWICE.found(what, places)


def _repeated(image: StatedImage, fit: Fit) -> Iterator[Place]:
    kept = np.flatnonzero(_counting(image, fit))
    labels, boxes = image.objects.labels[kept], fit.clipped_xyxy[kept]
    same = (iou_matrix(boxes, boxes) > SAME_IOU) & (labels[:, None] == labels)
    earlier = np.triu(same, k=1)
    for index in np.flatnonzero(earlier.any(axis=0)).tolist():
        first = image.objects.names[kept[int(earlier[:, index].argmax())]]
        yield _place(image, int(kept[index]), f"as {first}")


def _counting(image: StatedImage, fit: Fit) -> NDArray[np.bool_]:
    return fit.valid & ~image.objects.ignored


def _place(image: StatedImage, index: int, told: str) -> Place:
    objects = image.objects
    return Place(str(objects.file), f"{objects.names[index]} on {image.path.name}, {told}")
