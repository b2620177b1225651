"""Anchor boxes: where a detector looks, and how well its receptive fields suit them."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from edgedet.runtime.errors import UsageError

MEASURES = ("side", "diagonal")


def square_sides(sizes: float | Sequence[float], measure: str) -> tuple[float, ...]:
    """Return the side lengths in px of a level's anchors, whose size or sizes are `sizes`.

    measure: whether these are a "side" or a "diagonal"; UsageError otherwise.
    """
    if measure not in MEASURES:
        raise UsageError(f"anchor_measure out of {', '.join(MEASURES)}", repr(measure), "name one")
    factor = math.sqrt(2) if measure == "diagonal" else 1.0
    return tuple(size / factor for size in _several(sizes))


def _several(sizes: float | Sequence[float]) -> tuple[float, ...]:
    return tuple(sizes) if isinstance(sizes, Sequence) else (sizes,)


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


def anchor_shapes(sides: Sequence[float], ratios: Sequence[float]) -> Tensor:
    """Return [k, 2] widths and heights: every side in every ratio, side-major.

    Those of one side a are of equal area a^2: w = a sqrt(r), h = a / sqrt(r).
    """
    return torch.tensor([(a * math.sqrt(r), a / math.sqrt(r)) for a in sides for r in ratios])


def a_score(fields_px: Sequence[float], sides_px: Sequence[float | Sequence[float]]) -> float:
    """Return the alignment score: the mean over anchors of receptive field / anchor side.

    One entry a level, a side or several of them; with one anchor a level this is the paper's
    score. Scale-aware SSD, section 3.2; the paper argues for 1.5 to 2.5.
    """
    levels = zip(fields_px, map(_several, sides_px), strict=True)
    ratios = [field / side for field, sides in levels for side in sides]
    return sum(ratios) / len(ratios)
