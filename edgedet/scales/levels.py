"""Where heads can attach, what they see there, and which anchor belongs to which of them."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgedet.models.tap_points import tap_points
from edgedet.scales.objects import Floats
from edgedet.scales.window import Window

LEAST_STRIDE = 4
"""A map of stride 2 has 65536 cells at 512 px: its head alone would cost as much as a trunk."""
MOST_TAPS = 3
MOST_LEVELS = 4
MOST_EXTRAS = 2


class Level(NamedTuple):
    """One map that heads read."""

    place: str
    """Such as "block 5" or "extra 1"."""
    stride: int
    field_px: float
    """Side of the receptive field in px of the input."""


class Layout(NamedTuple):
    """The levels of a detector, finest first."""

    trunk: str
    taps: str | tuple[int, ...]
    """As the model's option of that name takes them."""
    depth: int
    """Last block of the trunk that is run: most of the cost."""
    levels: tuple[Level, ...]


def level_of(
    sides: Floats, fields_px: Floats, strides: Floats, window: Window, *, finest: bool
) -> NDArray[np.int64]:
    """Return [..., k] for each of k anchor sides the place of the level that suits it.

    fields_px, strides: [..., levels], finest level first. It is the level whose field / side is
    nearest to the middle of the window; with `finest` it is, of those in the window, the one of
    finest stride, because anchors of a finer grid overlap more with their objects.
    """
    ratios = fields_px[..., None, :] / sides[:, None]
    claim = window.octaves_off(ratios)
    if finest:
        # Above any distance from the middle, so that it decides wherever a level is in the window.
        preferred = np.log2(strides)[..., None, :] + claim / 100 - 1000
        claim = np.where(window.holds(ratios), preferred, claim)
    owner: NDArray[np.int64] = claim.argmin(axis=-1)
    return owner


def layouts(trunk: str) -> list[Layout]:
    """Return every way to attach up to `MOST_LEVELS` levels to `trunk`.

    Raises UsageError for an unknown trunk.
    """
    points = [point for point in tap_points(trunk) if point.stride >= LEAST_STRIDE]
    found = []
    for taps in range(1, MOST_TAPS + 1):
        for chosen in combinations(points, taps):
            levels = [Level(f"block {p.block}", p.stride, p.field_px) for p in chosen]
            for extras in range(min(MOST_EXTRAS, MOST_LEVELS - taps) + 1):
                blocks = tuple(p.block for p in chosen)
                complete = (*levels, *extra_levels(levels[-1], extras))
                found.append(Layout(trunk, blocks, blocks[-1], complete))
    return found


def extra_levels(last: Level, count: int) -> list[Level]:
    """Return the extra maps behind `last`: each a 1x1 and a 3x3 convolution of stride 2."""
    levels = []
    for number in range(1, count + 1):
        last = Level(f"extra {number}", last.stride * 2, last.field_px + 2 * last.stride)
        levels.append(last)
    return levels
