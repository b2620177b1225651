"""What a design costs, from the parts that many designs share: trunk blocks, extras, heads.

To build some hundred detectors and count each would take a minute; the sum is the same
(tests/scales/test_design_cost.py holds it against the detectors themselves).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from itertools import accumulate

import torch
from torch.utils.flop_counter import FlopCounterMode

from edgedet.models.cost import FLOPS_OF_A_MAC, Cost
from edgedet.models.feature_maps import FIRST_EXTRA_WIDTHS, LATER_EXTRA_WIDTHS
from edgedet.models.tap_points import tap_points
from edgedet.models.trunk_networks import TRUNKS
from edgedet.scales.design import Design

BOX_NUMBERS = 4


def design_cost(design: Design, imgsz: int, classes: int) -> Cost:
    """Return MACs of one image of imgsz x imgsz px, and parameters.

    The taps of `design` are block numbers.
    """
    layout = design.layout
    cells = [math.ceil(imgsz / level.stride) ** 2 for level in layout.levels]
    points = tap_points(layout.trunk)
    channels = [points[int(block) - 1].channels for block in layout.taps]
    parts = [trunk_costs(layout.trunk, imgsz)[layout.depth]]
    for level in range(len(channels), len(cells)):
        first = level == len(layout.taps)
        reduced, wide = FIRST_EXTRA_WIDTHS if first else LATER_EXTRA_WIDTHS
        parts.append(_convolution(channels[-1], reduced, 1, cells[level - 1]))
        parts.append(_convolution(reduced, wide, 3, cells[level]))
        channels.append(wide)
    for wide, sides, places in zip(channels, design.anchors, cells, strict=True):
        outputs = len(sides) * len(design.ratios) * (classes + 1 + BOX_NUMBERS)
        parts.append(_convolution(wide, outputs, 3, places))
    return _sum(parts)


@cache
def trunk_costs(trunk: str, imgsz: int) -> tuple[Cost, ...]:
    """Return what it costs to run the stem, block 1, 2 ... of `trunk` and all before it."""
    costs = []
    with torch.device("meta"), torch.no_grad():
        images = torch.empty(1, 3, imgsz, imgsz)
        for block in TRUNKS[trunk].blocks().eval():
            with FlopCounterMode(display=False) as counter:
                images = block(images)
            parameters = sum(parameter.numel() for parameter in block.parameters())
            costs.append(Cost(counter.get_total_flops() // FLOPS_OF_A_MAC, parameters))
    return tuple(accumulate(costs, lambda a, b: _sum((a, b))))


def _convolution(channels_in: int, channels_out: int, kernel: int, cells: int) -> Cost:
    weights = channels_in * channels_out * kernel**2
    return Cost(weights * cells, weights + channels_out)


def _sum(parts: Iterable[Cost]) -> Cost:
    macs, parameters = (sum(numbers) for numbers in zip(*parts, strict=True))
    return Cost(macs, parameters)
