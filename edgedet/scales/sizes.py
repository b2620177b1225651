"""How large the objects are, in numbers: percentiles of each class, and what is too small."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgedet.scales.objects import Floats, Objects

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
TINY_PX = 8.0
"""Under this side an object covers a single cell of the finest map that a detector on an edge
device can afford, stride 8 (AI-TOD calls 2 to 8 px "very tiny")."""
LIFTED_SHARE = 0.95
"""Of the objects, how many an advised input size or tiling lifts to `TINY_PX`."""
INPUT_STEP = 32
"""Input sizes are multiples of the trunk's largest stride."""


@dataclass(frozen=True)
class SizeRow:
    """Sizes of one class, or of all objects. Percentiles are those of `PERCENTILES`."""

    name: str
    objects: int
    side_px: tuple[float, ...]
    """sqrt(w h) in px of the input."""
    relative_diagonal: tuple[float, ...]
    """Diagonal of the box / diagonal of the image, in 0..1."""
    ratio: tuple[float, ...]
    """Width / height at the input."""


@dataclass(frozen=True)
class PerImage:
    """Objects of an image."""

    mean: float
    p50: float
    p95: float
    most: int


@dataclass(frozen=True)
class TooSmall:
    """Objects under `TINY_PX`, and what would lift `LIFTED_SHARE` of all to that."""

    objects: int
    """How many lie under it, all that vanish at this input included."""
    vanished: int
    """How many of them have a width or height under 1 px and are not even learnt."""
    imgsz: int | None
    """Smallest input size that lifts them; None: this one serves."""
    tiles: int | None
    """Smallest n so that n x n tiles, each resized to this input, lift them; None likewise."""
    enlarges: bool
    """Whether that input size is larger than the images themselves, and adds no detail."""


@dataclass(frozen=True)
class SizeReport:
    """All of it; the first row is that of all objects."""

    images: int
    empty_images: int
    rows: tuple[SizeRow, ...]
    per_image: PerImage
    too_small: TooSmall


def report_sizes(objects: Objects) -> SizeReport:
    """Return the sizes of at least one object, by class; classes without objects have none."""
    every = np.ones(len(objects.labels), np.bool_)
    rows = [_row(objects, "all", every)]
    for label, name in enumerate(objects.class_names):
        rows.append(_row(objects, name, objects.labels == label))
    counts = objects.per_image()
    return SizeReport(
        images=objects.images,
        empty_images=int((counts == 0).sum()),
        rows=tuple(rows),
        per_image=PerImage(
            mean=float(counts.mean()),
            p50=float(np.percentile(counts, 50)),
            p95=float(np.percentile(counts, 95)),
            most=int(counts.max()),
        ),
        too_small=_too_small(objects),
    )


def _row(objects: Objects, name: str, chosen: np.ndarray) -> SizeRow:
    return SizeRow(
        name=name,
        objects=int(chosen.sum()),
        side_px=_percentiles(objects.sides[chosen]),
        relative_diagonal=_percentiles(objects.relative_diagonal[chosen]),
        ratio=_percentiles(objects.ratios[chosen]),
    )


def _percentiles(values: Floats) -> tuple[float, ...]:
    if len(values) == 0:
        return (math.nan,) * len(PERCENTILES)
    return tuple(float(v) for v in np.percentile(values, PERCENTILES))


def _too_small(objects: Objects) -> TooSmall:
    vanished = len(objects.vanished_sides)
    sides = np.concatenate([objects.sides, objects.vanished_sides])
    # A long object can vanish by its thickness alone.
    under = int((objects.sides < TINY_PX).sum()) + vanished
    # A size grows with the input, whichever way the image is resized.
    low = float(np.percentile(sides, 100 * (1 - LIFTED_SHARE), method="lower"))
    if low >= TINY_PX:
        return TooSmall(under, vanished, None, None, enlarges=False)
    imgsz = math.ceil(TINY_PX / low * objects.imgsz / INPUT_STEP) * INPUT_STEP
    tiles = math.ceil(TINY_PX / low)
    return TooSmall(under, vanished, imgsz, tiles, enlarges=imgsz > objects.longest_side)
