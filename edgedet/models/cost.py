"""What a forward of a network costs, counted without running it."""

import copy
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

FLOPS_OF_A_MAC = 2
"""PyTorch counts a multiplication and the addition behind it as two operations."""


class Cost(NamedTuple):
    """Of one image."""

    macs: int
    """Multiply-accumulates of the convolutions and matrix products."""
    parameters: int


def network_cost(network: nn.Module, size_hw: tuple[int, int]) -> Cost:
    """Return what `network(images)` costs for one image of 3 x size_hw, in evaluation mode.

    Of a detector these are its trunk, extra maps and heads, without decode and top-k. Counted on
    the meta device: a network that was built there (`with torch.device("meta")`) never has any
    weights. `network` is left as it is.
    """
    twin = copy.deepcopy(network).to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        twin(torch.empty(1, 3, *size_hw, device="meta"))
    parameters = sum(parameter.numel() for parameter in twin.parameters())
    return Cost(counter.get_total_flops() // FLOPS_OF_A_MAC, parameters)
