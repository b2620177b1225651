"""Four images that meet in one point: more scenes in a batch, every object at its own size.

YOLOv4's mosaic (arXiv:2004.10934, 3.3) shrinks its four images. Here each quadrant is a crop at the
size the image has, because the anchors were fitted to that size.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from edgedet.models.targets import Target

NAME = "mosaic"
"""How a recipe asks for it among its augmentations."""
PROBABILITY = 0.5
MEETING = (0.25, 0.75)
"""Where the four may meet, as a part of the width and of the height."""


class Sample(NamedTuple):
    """An image at the network's input size and its objects."""

    pixels_bgr: npt.NDArray[np.uint8]
    """[H, W, 3], not to be written to."""
    target: Target


class Window(NamedTuple):
    """A rectangle of the mosaic, and where in its image it is cut from; px."""

    left: int
    top: int
    right: int
    bottom: int
    shift_x: int
    """Column of the image that comes to `left`, less `left`."""
    shift_y: int


def drawn_indices(length: int, first: int) -> list[int]:
    """Return four indices of a data set of `length` images: `first`, and three drawn ones."""
    return [first, *torch.randint(length, (3,)).tolist()]


def mosaic(samples: Sequence[Sample]) -> Sample:
    """Return an image of the same size made of crops of four; draws from torch's CPU generator.

    An object whose centre is cut off is left out, the others are clipped. The four have one size.
    """
    height, width = samples[0].pixels_bgr.shape[:2]
    windows = _windows(height, width)
    pixels = np.empty_like(samples[0].pixels_bgr)
    for sample, w in zip(samples, windows, strict=True):
        rows = slice(w.top + w.shift_y, w.bottom + w.shift_y)
        columns = slice(w.left + w.shift_x, w.right + w.shift_x)
        pixels[w.top : w.bottom, w.left : w.right] = sample.pixels_bgr[rows, columns]
    parts = [_seen_through(s.target, w) for s, w in zip(samples, windows, strict=True)]
    boxes, labels = (torch.cat(values) for values in zip(*parts, strict=True))
    return Sample(pixels, Target(boxes, labels))


def _windows(height: int, width: int) -> list[Window]:
    low, high = MEETING
    x, y = (int(side * (low + (high - low) * torch.rand(()))) for side in (width, height))
    corners = [(0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height)]
    return [Window(*c, *_shifts(c, height, width)) for c in corners]


def _shifts(corners: tuple[int, int, int, int], height: int, width: int) -> tuple[int, int]:
    left, top, right, bottom = corners
    x = int(torch.randint(width - (right - left) + 1, ()))
    y = int(torch.randint(height - (bottom - top) + 1, ()))
    return x - left, y - top


def _seen_through(target: Target, window: Window) -> Target:
    shift = torch.tensor([window.shift_x, window.shift_y], dtype=torch.float32)
    boxes = target.boxes_xyxy - shift.repeat(2)
    low = torch.tensor([window.left, window.top], dtype=torch.float32)
    high = torch.tensor([window.right, window.bottom], dtype=torch.float32)
    kept = _centres_within(boxes, low, high)
    clipped = torch.minimum(torch.maximum(boxes[kept], low.repeat(2)), high.repeat(2))
    return Target(clipped, target.labels[kept])


def _centres_within(boxes_xyxy: Tensor, low: Tensor, high: Tensor) -> Tensor:
    centres = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2
    return ((centres >= low) & (centres < high)).all(dim=1)
