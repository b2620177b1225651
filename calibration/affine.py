"""Scale and zero point of a tensor: real = scale * (code - zero_point)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

INT8_MAX = 127
"""-128 is not used: TensorRT's int8 is symmetric."""
UINT8_MAX = 255


class Affine(NamedTuple):
    """How the codes of a tensor stand for its values. Scales are FP32, as the file holds them."""

    scale: np.float32
    zero_point: int


def symmetric(amax: float) -> Affine:
    """Return int8 over [-amax, amax], amax >= 0. A tensor of zeros gets scale 1: a scale of 0 is
    none that TensorRT takes.
    """
    return Affine(_usable(amax / INT8_MAX), 0)


def asymmetric(low: float, high: float) -> Affine:
    """Return uint8 over [low, high], widened to hold 0, which padding and ReLU need exactly."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = _usable((high - low) / UINT8_MAX)
    return Affine(scale, int(np.clip(np.rint(-low / scale), 0, UINT8_MAX)))


def covered(affine: Affine) -> tuple[float, float]:
    """Return the least and the largest value that a uint8 code stands for."""
    scale = float(affine.scale)
    return -scale * affine.zero_point, scale * (UINT8_MAX - affine.zero_point)


def _usable(scale: float) -> np.float32:
    rounded = np.float32(scale)
    return rounded if rounded > 0 else np.float32(1)
