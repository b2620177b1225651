"""Which images to calibrate on: every class in every size that the data has, not the first n."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edgedet.runtime.errors import DataError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Membership = NDArray[np.bool_]

LEAST_SIDE_PX = 1.0
"""Smaller objects count as of this side."""


def choose_images(
    boxes_xyxy: Sequence[NDArray[Any]], labels: Sequence[NDArray[Any]], count: int, seed: int = 0
) -> list[int]:
    """Return the indices of `count` images, or of all when there are fewer, as they were chosen.

    boxes_xyxy: [k, 4] for each image, in pixels of one scale for all (the network's input says
    most); labels: [k] class numbers. A stratum is one class in one octave of size (the square root
    of the area), and the images without objects are one more. Each choice is an image at random
    from the stratum of which the fewest were chosen, the rarest first, so that rare classes and
    sizes are seen even by a short calibration. The same seed gives the same images.

    Raises UsageError unless count >= 1, DataError without images.
    """
    if count < 1:
        raise UsageError("at least 1 image to calibrate on", str(count), "ask for more")
    if not boxes_xyxy:
        raise DataError("images to calibrate on", "none", "check the data set and its split")
    return _balanced(_membership(boxes_xyxy, labels), count, np.random.default_rng(seed))


def _membership(boxes_xyxy: Sequence[NDArray[Any]], labels: Sequence[NDArray[Any]]) -> Membership:
    """Return [images, strata]: whether an image shows an object of the stratum."""
    strata = [_strata_of(*pair) for pair in zip(boxes_xyxy, labels, strict=True)]
    columns = {stratum: i for i, stratum in enumerate(sorted(set().union(*strata)))}
    member = np.zeros((len(strata), len(columns)), bool)
    for image, found in enumerate(strata):
        member[image, [columns[stratum] for stratum in found]] = True
    return member


def _strata_of(boxes_xyxy: NDArray[Any], labels: NDArray[Any]) -> set[tuple[int, int]]:
    boxes = np.asarray(boxes_xyxy, np.float64).reshape(-1, 4)
    if not len(boxes):
        return {(-1, 0)}  # no class has this number
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    side = np.sqrt(np.maximum(area, LEAST_SIDE_PX**2))
    octave = np.floor(np.log2(side)).astype(int)
    return set(zip(np.asarray(labels, int).tolist(), octave.tolist(), strict=True))


def _balanced(member: Membership, count: int, rng: np.random.Generator) -> list[int]:
    left = np.ones(len(member), bool)
    covered = np.zeros(member.shape[1], int)
    chosen: list[int] = []
    while left.any() and len(chosen) < count:
        remaining = member[left].sum(axis=0)
        open_strata = np.flatnonzero(remaining)
        order = np.lexsort((remaining[open_strata], covered[open_strata]))
        stratum = open_strata[order[0]]
        image = int(rng.choice(np.flatnonzero(left & member[:, stratum])))
        left[image] = False
        covered += member[image]
        chosen.append(image)
    return chosen
