"""Weights as int8 with one scale for each output channel, and biases in the codes of the sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .affine import INT8_MAX

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import NodeProto

BIAS_MAX = 2.0**30
"""Largest code of a bias: half of int32, so that the sum of products has the rest."""


class Quantised(NamedTuple):
    """Codes and their scales along one axis; all zero points are 0."""

    codes: NDArray[np.int8]
    scales: NDArray[np.float32]
    axis: int


def channel_axis(node: NodeProto) -> int | None:
    """Return the axis of output channels in a learned layer's weights; None where no one axis is.

    Of a grouped ConvTranspose each group has its own output channels, all on the same axis.
    """
    values = {entry.name: entry.i for entry in node.attribute}
    if node.op_type == "Conv":
        return 0
    if node.op_type == "ConvTranspose":
        return 1 if values.get("group", 1) == 1 else None
    if node.op_type == "Gemm":
        return 0 if values.get("transB", 0) else 1
    return 1  # of a MatMul by a matrix [K, N]


def quantised_weights(
    weights: NDArray[np.float32], axis: int, least: NDArray[np.float64] | float = 0.0
) -> Quantised:
    """Return weights as int8 in -127..127.

    least: [channels] below which no scale may be. A channel of zeros without a least scale gets 1.
    """
    others = tuple(place for place in range(weights.ndim) if place != axis)
    amax = np.abs(weights.astype(np.float64)).max(axis=others, initial=0)
    scales = np.maximum(amax / INT8_MAX, least).astype(np.float32)
    scales[scales == 0] = 1
    shape = [-1 if place == axis else 1 for place in range(weights.ndim)]
    codes = np.rint(weights / scales.reshape(shape))
    return Quantised(np.clip(codes, -INT8_MAX, INT8_MAX).astype(np.int8), scales, axis)


def rounded_weights(weights: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Return the values that int8 keeps of the weights; these give themselves again."""
    codes, scales, _ = quantised_weights(weights, axis)
    shape = [-1 if place == axis else 1 for place in range(weights.ndim)]
    return np.asarray(codes * scales.reshape(shape), np.float32)


def least_scales(bias: NDArray[np.float32], input_scale: np.float32) -> NDArray[np.float64]:
    """Return [channels] the scale of weights below which the bias would leave int32.

    That is so for a channel that lives by its bias alone, as training leaves some behind.
    """
    return np.abs(bias.astype(np.float64)) / (float(input_scale) * BIAS_MAX)


def quantised_bias(
    bias: NDArray[np.float32], input_scale: np.float32, scales: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return a bias [channels] in int32 and its scales: those of the products it is added to."""
    together = np.asarray(input_scale * scales, np.float32)
    codes = np.rint(bias.astype(np.float64) / together)
    return np.clip(codes, -BIAS_MAX, BIAS_MAX).astype(np.int32), together
