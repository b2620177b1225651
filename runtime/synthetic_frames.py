"""Frames to measure with when there is no camera: filled shapes on a shaded ground."""

from typing import TYPE_CHECKING, List, Tuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE_1080P_HW = (1080, 1920)
# The objects of the scale-aware SSD's data: 8.7 per image, 3 to 15 % of the frame's side.
OBJECTS_PER_FRAME = 9
RELATIVE_SIDE = (0.03, 0.15)


def synthetic_frames(
    count: int = 8, size_hw: Tuple[int, int] = SIZE_1080P_HW, seed: int = 0
) -> "List[NDArray[np.uint8]]":
    """Return `count` frames [H, W, 3] uint8 BGR with nine squares, discs and triangles each.

    The same seed gives the same frames. No noise images: these would make the network fire
    nowhere or everywhere, and postprocessing would cost nothing or too much.
    """
    rng = np.random.RandomState(seed)
    return [_frame(size_hw, rng) for _ in range(count)]


def _frame(size_hw: Tuple[int, int], rng: "np.random.RandomState") -> "NDArray[np.uint8]":
    height, width = size_hw
    frame = shaded_ground(size_hw)
    for index in range(OBJECTS_PER_FRAME):
        side = int(rng.uniform(*RELATIVE_SIDE) * min(size_hw))
        top, left = rng.randint(0, height - side), rng.randint(0, width - side)
        mask = SHAPES[index % len(SHAPES)](side)
        frame[top : top + side, left : left + side][mask] = rng.randint(0, 256, 3)
    return frame


def shaded_ground(size_hw: Tuple[int, int]) -> "NDArray[np.uint8]":
    """Return a frame [H, W, 3] uint8 with nothing in it but its shades of grey."""
    height, width = size_hw
    shade = np.linspace(40.0, 110.0, width) + np.linspace(0.0, 60.0, height)[:, np.newaxis]
    return np.repeat(shade[:, :, np.newaxis], 3, axis=2).astype(np.uint8)


def _square(side: int) -> "NDArray[np.bool_]":
    return np.ones((side, side), dtype=bool)


def _disc(side: int) -> "NDArray[np.bool_]":
    offset = np.arange(side) - (side - 1) / 2.0
    return offset[:, np.newaxis] ** 2 + offset**2 <= (side / 2.0) ** 2


def _triangle(side: int) -> "NDArray[np.bool_]":
    offset = np.abs(np.arange(side) - (side - 1) / 2.0)
    return offset <= (np.arange(side)[:, np.newaxis] + 1) / 2.0  # type: ignore[no-any-return]


SQUARE, DISC, TRIANGLE = SHAPES = (_square, _disc, _triangle)
"""Each returns the pixels [side, side] of a shape, bool."""
