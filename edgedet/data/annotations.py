"""The one in-memory form of labelled images, whatever file they were read from."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgedet.runtime.errors import DataError

MIN_SIDE = 1.0
"""Input pixels. A box with a shorter side cannot be seen by the network and is dropped."""


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """One image file and the objects drawn on it (n may be 0: background)."""

    path: Path
    """Absolute path of the image file."""
    size_hw: tuple[int, int]
    """Height and width in pixels of the upright image (EXIF orientation applied)."""
    boxes_xyxy: npt.NDArray[np.float32]
    """[n, 4] corners in pixels of the upright image: 0 <= x1 < x2 <= W, 0 <= y1 < y2 <= H."""
    labels: npt.NDArray[np.int64]
    """[n] 0-based class, an index of `Annotations.class_names`."""
    ignored: npt.NDArray[np.bool_]
    """[n] true for what is neither object nor background: COCO crowds, VOC `difficult`,
    VisDrone ignored regions (a region of no class is listed once for every class)."""


@dataclass(frozen=True, eq=False)
class Annotations:
    """The labelled images of one split, in the order of their file."""

    class_names: tuple[str, ...]
    images: tuple[LabelledImage, ...]
    source: Path
    """Absolute path of the file or folder that was read."""
    format: str
    """"coco", "voc", "yolo" or "visdrone"."""

    def counts(self) -> npt.NDArray[np.int64]:
        """Return [classes] how many objects each class has; ignored ones are not counted."""
        labels = [image.labels[~image.ignored] for image in self.images]
        joined = np.concatenate([*labels, np.empty(0, np.int64)])
        return np.bincount(joined, minlength=len(self.class_names)).astype(np.int64)

    def fingerprint(self) -> str:
        """Return the sha256 (hex) of class names and, in order, of every image's name, size
        and objects. Names are relative to the folder the images share, so that the same data
        has the same fingerprint wherever it lies.
        """
        digest = hashlib.sha256(repr(self.class_names).encode())
        for name, image in zip(self._relative_names(), self.images, strict=True):
            digest.update(repr((name, image.size_hw, len(image.labels))).encode())
            digest.update(image.boxes_xyxy.astype("<f4").tobytes())
            digest.update(image.labels.astype("<i8").tobytes())
            digest.update(image.ignored.tobytes())
        return digest.hexdigest()

    def _relative_names(self) -> list[str]:
        if not self.images:
            return []
        root = os.path.commonpath([image.path.parent for image in self.images])
        return [image.path.relative_to(root).as_posix() for image in self.images]


def check_class_names(annotations: Annotations, expected: Sequence[str], owner: str) -> None:
    """Raise `DataError` unless the classes are `expected`, in that order.

    `owner` names who expects them: another split, a model file.
    """
    if tuple(expected) != annotations.class_names:
        raise DataError(
            f"the classes of {owner} ({_listed(expected)})",
            f"{_listed(annotations.class_names)} in {annotations.source}",
            "give every split, and the model, the same classes in the same order",
        )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8])
    return shown if len(names) <= 8 else f"{shown}, ... {len(names)} in all"
