"""Where heads can attach to a trunk, and what each place sees: computed from the network."""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgedet.models.receptive_field import receptive_fields
from edgedet.models.trunk_networks import TRUNKS
from edgedet.nearest import unknown_name


class TapPoint(NamedTuple):
    """The end of one block of a trunk."""

    block: int
    """Number of the block; the stem, 0, is no tap point."""
    channels: int
    stride: int
    """Input pixels between neighbouring cells."""
    field_px: float
    """Side of what a cell sees, in input pixels; see `tap_points`."""


class _BlockMaps(nn.Module):
    """The output of every block."""

    def __init__(self, blocks: nn.Sequential) -> None:
        super().__init__()
        self.blocks = blocks

    def forward(self, images: Tensor) -> list[Tensor]:
        maps = []
        for block in self.blocks:
            images = block(images)
            maps.append(images)
        return maps


@cache
def tap_points(trunk: str) -> tuple[TapPoint, ...]:
    """Return the end of every block of `trunk`, from block 1 on, finest first.

    `field_px` is the field of what slides over the image. A squeeze-excitation gate, which
    multiplies a map by numbers pooled over the whole of it, tells all cells the same and is left
    out: with it the field would be infinite from the first such block on. Raises UsageError for
    an unknown trunk.
    """
    if trunk not in TRUNKS:
        raise unknown_name("value of trunk", trunk, TRUNKS)
    with torch.device("meta"):
        network = _BlockMaps(TRUNKS[trunk].blocks()).eval()
        channels = [m.shape[1] for m in network(torch.empty(1, 3, 64, 64))]
    fields = receptive_fields(network, through_gates=True)
    found = zip(channels, fields, strict=True)
    points = [TapPoint(i, c, int(f.jump), f.size) for i, (c, f) in enumerate(found)]
    return tuple(points[1:])
