"""Weights with their batch normalisation in them, as the exported graph has them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgedet.calibration.affine import INT8_MAX


def folding_factor(norm: nn.BatchNorm2d) -> Tensor:
    """Return [channels] what a normalisation with frozen statistics multiplies with."""
    assert norm.running_var is not None
    return norm.weight * (norm.running_var + norm.eps).rsqrt()


def folded_weight(weight: Tensor, norm: nn.BatchNorm2d | None) -> Tensor:
    """Return weights [outputs, inputs / groups, rows, columns] as they are in the graph."""
    return weight if norm is None else weight * _by_channel(folding_factor(norm))


def rounded_weight(weight: Tensor, norm: nn.BatchNorm2d | None) -> Tensor:
    """Return what int8 keeps of weights, one scale for each output channel of the folded ones.

    They are unfolded again: the normalisation behind them is applied as ever. Gradients pass
    straight through the rounding (Bengio et al., 1308.3432). Of a channel that the normalisation
    multiplies with 0 the weights do not count: they are rounded as they are.
    """
    if norm is None:
        return _rounded(weight)
    factor = folding_factor(norm)
    factor = _by_channel(torch.where(factor == 0, torch.ones_like(factor), factor))
    return _rounded(weight * factor) / factor


def _rounded(weight: Tensor) -> Tensor:
    """As `calibration.weights.rounded_weights`, axis 0."""
    scales = weight.detach().abs().amax(dim=(1, 2, 3)) / INT8_MAX
    scales = torch.where(scales > 0, scales, torch.ones_like(scales))
    zeros = torch.zeros_like(scales, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scales, zeros, 0, -INT8_MAX, INT8_MAX)


def _by_channel(factor: Tensor) -> Tensor:
    return factor.view(-1, 1, 1, 1)
