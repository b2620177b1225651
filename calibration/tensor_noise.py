"""How well INT8 holds the values of each tensor, by the histogram of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from .affine import INT8_MAX
from .layers import layer_name
from .placement import Form, int8_layers
from .squared_error import POINTS
from .statistics import BINS, Statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto


def tensor_snr_db(statistics: Statistics, amax: Mapping[str, float]) -> dict[str, float]:
    """Return of each tensor that held more than zeros the power of its values over that of what
    symmetric INT8 with the clip `amax` takes from them, in dB: rounding and clipping together.
    """
    found = {}
    for row, name in enumerate(statistics.names):
        counts = statistics.counts[row].astype(np.float64)
        if not counts.any():
            continue
        sizes = (np.arange(BINS * POINTS) + 0.5) / POINTS * statistics.bin_width[row]
        weights = counts.repeat(POINTS)
        noise = weights @ (sizes - _kept(sizes, amax[name])) ** 2  # not 0: some point is off
        found[name] = float(10 * np.log10(weights @ sizes**2 / noise))
    return found


def int8_reads(model: ModelProto, form: Form) -> dict[str, str]:
    """Return each tensor that an INT8 layer reads -> the first of these layers."""
    graph = model.graph
    found: dict[str, str] = {}
    for index in int8_layers(graph, int8_head=form == "cpu"):
        node = graph.node[index]
        found.setdefault(node.input[0], layer_name(node))
    return found


def _kept(sizes: NDArray[np.float64], amax: float) -> NDArray[np.float64]:
    step = amax / INT8_MAX
    return np.minimum(np.rint(sizes / step), INT8_MAX) * step
