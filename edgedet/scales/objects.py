"""The labelled objects of a data set as the network will see them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgedet.data.annotations import MIN_SIDE, Annotations, LabelledImage
from edgedet.runtime.preprocess import place
from edgedet.runtime.spec import ModelSpec

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Objects:
    """n objects at the network's input size, without the ignored ones.

    What training drops, a width or height under `MIN_SIDE` px, is left out but for its size.
    """

    class_names: tuple[str, ...]
    images: int
    """Labelled images, those without objects included."""
    imgsz: int
    """Side of the network's square input in px."""
    boxes_xyxy: Floats
    """[n, 4] px of the input."""
    labels: NDArray[np.int64]
    """[n] 0-based class."""
    image: NDArray[np.int64]
    """[n] in which of the images."""
    relative_diagonal: Floats
    """[n] diagonal of the box / diagonal of the upright image, both before the resize."""
    vanished_sides: Floats
    """[m] sqrt(w h) in px of the input of the objects that training drops."""
    longest_side: int
    """Longest side in px of any image before the resize."""

    @property
    def sizes_wh(self) -> Floats:
        """[n, 2] widths and heights in px of the input."""
        return self.boxes_xyxy[:, 2:] - self.boxes_xyxy[:, :2]

    @property
    def sides(self) -> Floats:
        """[n] sqrt(w h) in px of the input: the side of the square of equal area."""
        return _sides(self.boxes_xyxy)

    @property
    def ratios(self) -> Floats:
        """[n] width / height at the input."""
        sizes = self.sizes_wh
        ratios: Floats = sizes[:, 0] / sizes[:, 1]
        return ratios

    def per_image(self) -> NDArray[np.int64]:
        """Return [images] how many objects each image has."""
        return np.bincount(self.image, minlength=self.images).astype(np.int64)

    def per_class(self) -> NDArray[np.int64]:
        """Return [classes] how many objects each class has."""
        return np.bincount(self.labels, minlength=len(self.class_names)).astype(np.int64)


def place_objects(annotations: Annotations, imgsz: int, resize: str = "stretch") -> Objects:
    """Return the objects of a split at an input of imgsz x imgsz px, resized as the runtime does.

    resize: "stretch" or "letterbox".
    """
    spec = ModelSpec(annotations.class_names, (imgsz, imgsz), resize=resize)
    labelled = annotations.images
    boxes = [_boxes_at_input(image, spec) for image in labelled]
    joined = np.concatenate([*boxes, np.empty((0, 4))])
    counted = np.concatenate([*(~image.ignored for image in labelled), np.empty(0, np.bool_)])
    visible = (joined[:, 2:] - joined[:, :2] >= MIN_SIDE).all(axis=1)
    kept = counted & visible
    owner = np.repeat(np.arange(len(labelled)), [len(image.labels) for image in labelled])
    labels = np.concatenate([*(image.labels for image in labelled), np.empty(0, np.int64)])
    diagonals = np.concatenate([*map(_relative_diagonals, labelled), np.empty(0)])
    return Objects(
        class_names=annotations.class_names,
        images=len(labelled),
        imgsz=imgsz,
        boxes_xyxy=joined[kept],
        labels=labels[kept],
        image=owner[kept],
        relative_diagonal=diagonals[kept],
        vanished_sides=_sides(joined[counted & ~visible]),
        longest_side=max((max(image.size_hw) for image in labelled), default=0),
    )


def _boxes_at_input(image: LabelledImage, spec: ModelSpec) -> Floats:
    placement = place(image.size_hw, spec)
    return np.asarray(placement.boxes_to_input(image.boxes_xyxy), np.float64).reshape(-1, 4)


def _sides(boxes_xyxy: Floats) -> Floats:
    sides: Floats = np.sqrt((boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(axis=1))
    return sides


def _relative_diagonals(image: LabelledImage) -> Floats:
    boxes = image.boxes_xyxy.astype(np.float64)
    diagonals: Floats = np.hypot(*(boxes[:, 2:] - boxes[:, :2]).T) / np.hypot(*image.size_hw)
    return diagonals
