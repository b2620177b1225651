"""Frames to compare two models on when there are no real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgedet.runtime.synthetic_frames import synthetic_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMAGES_PER_KIND = 3
FRAME_PER_INPUT = (1.25, 1.6)
"""Height and width of a frame per input pixel: resized, and letterboxed where the spec says so."""


def parity_images(size_hw: tuple[int, int], seed: int = 0) -> list[NDArray[np.uint8]]:
    """Return frames [H, W, 3] uint8 BGR of three kinds; the same seed gives the same.

    Shapes on a shaded ground (what a detector fires on), noise (activations at their extremes),
    and noisy gradients (smooth areas). None is flat: equal scores everywhere have no order to
    compare. size_hw: of the network's input.
    """
    height, width = (
        round(side * factor) for side, factor in zip(size_hw, FRAME_PER_INPUT, strict=True)
    )
    rng = np.random.default_rng(seed)
    frames = synthetic_frames(IMAGES_PER_KIND, (height, width), seed)
    for _ in range(IMAGES_PER_KIND):
        frames.append(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
        frames.append(_noisy_gradient(height, width, rng))
    return frames


def _noisy_gradient(height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j][..., None]
    corner, down, right = rng.uniform(0, 255, (3, 3))
    shade = corner + (down - corner) * y + (right - corner) * x
    noisy = shade + rng.normal(0, 4, (height, width, 3))
    return np.asarray(noisy.clip(0, 255), np.uint8)
