"""Anchor boxes: where a detector looks, and how well its receptive fields suit them."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from edgedet.runtime.errors import UsageError

MEASURES = ("side", "diagonal")


def square_sides(sizes: Sequence[float], measure: str) -> tuple[float, ...]:
    """Return the anchors' side lengths in px from `sizes` given as "side" or "diagonal"."""
    if measure not in MEASURES:
        raise UsageError(f"anchor_measure out of {', '.join(MEASURES)}", repr(measure), "name one")
    return tuple(size / math.sqrt(2) if measure == "diagonal" else float(size) for size in sizes)


def grid_anchors(size_hw: tuple[int, int], stride: int, shapes_wh: Tensor) -> Tensor:
    """Return [H*W*k, 4] xyxy anchors in px, row-major over cells, anchor fastest.

    The map has ceil(size / stride) cells a side; centres stand at ((j+.5) stride, (i+.5) stride).
    shapes_wh: [k, 2] widths and heights in px.
    """
    rows, columns = (math.ceil(side / stride) for side in size_hw)
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    centres = (torch.stack((x, y), dim=-1).reshape(-1, 1, 2) + 0.5) * stride
    half = shapes_wh / 2
    return torch.cat((centres - half, centres + half), dim=-1).reshape(-1, 4)


def shapes_of_ratios(side: float, ratios: Sequence[float]) -> Tensor:
    """Return [k, 2] widths and heights of equal area side^2: w = a sqrt(r), h = a / sqrt(r)."""
    return torch.tensor([(side * math.sqrt(r), side / math.sqrt(r)) for r in ratios])


def a_score(fields_px: Sequence[float], sides_px: Sequence[float]) -> float:
    """Return the alignment score: the mean over levels of receptive field / anchor side.

    Scale-aware SSD, section 3.2; the paper argues for 1.5 to 2.5.
    """
    return sum(f / s for f, s in zip(fields_px, sides_px, strict=True)) / len(sides_px)
