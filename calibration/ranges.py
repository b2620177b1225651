"""The codes of each activation, from what calibration says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from edgedet.runtime.errors import ModelError

from .affine import Affine, asymmetric, symmetric
from .layers import constants_of
from .placement import BOUNDING_OPS, Placement, bounds_of

if TYPE_CHECKING:
    from onnx import GraphProto

Clips = Mapping[str, tuple[float, float]]
"""Least and largest value to keep of each tensor, low <= 0 <= high."""

POSITIVE_OPS = ("Relu", "Sigmoid", "HardSigmoid", "Softmax", "Softplus", "Abs")
"""Whose results are not below 0."""
KEEPING_OPS = (
    *("Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool", "MaxPool", "Resize"),
    *("Flatten", "Identity", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"),
)
"""Whose results are not below 0 when nothing that they read is."""


def symmetric_codes(
    placed: Placement, graph: GraphProto, amax: Mapping[str, float]
) -> dict[str, Affine]:
    """Return the int8 codes of each quantised tensor.

    Raises ModelError that names the tensors of which `amax` says nothing, or nothing finite.
    """
    sources = _sources(placed, graph)
    _check_known(set(sources.values()), amax)
    return {name: symmetric(amax[source]) for name, source in sources.items()}


def asymmetric_codes(placed: Placement, graph: GraphProto, clips: Clips) -> dict[str, Affine]:
    """Return the uint8 codes of each quantised tensor, none of them for what a Relu or Clip cuts
    off. Raises ModelError as `symmetric_codes` does.
    """
    sources = _sources(placed, graph)
    _check_known(set(sources.values()), {name: high - low for name, (low, high) in clips.items()})
    bounds = _bounds(graph)
    return {
        name: asymmetric(*_within(clips[source], bounds.get(source)))
        for name, source in sources.items()
    }


def clips_by_sign(graph: GraphProto, amax: Mapping[str, float]) -> Clips:
    """Return [0, amax] for what cannot be below 0, [-amax, amax] for the rest."""
    constants = constants_of(graph)
    positive = {name for name, value in constants.items() if np.all(np.asarray(value) >= 0)}
    for node in graph.node:
        bounded = node.op_type == "Clip" and bounds_of(node, constants)[0] >= 0
        kept = node.op_type in KEEPING_OPS and positive.issuperset(filter(None, node.input))
        if node.op_type in POSITIVE_OPS or bounded or kept:
            positive.update(node.output)
    return {name: (0.0 if name in positive else -value, value) for name, value in amax.items()}


def _sources(placed: Placement, graph: GraphProto) -> dict[str, str]:
    """Return each quantised tensor -> the one whose range counts for it."""
    read = {graph.node[index].input[place] for index, place in placed.edges}
    return {name: _source(name, placed) for name in read}


def _source(name: str, placed: Placement) -> str:
    while name in placed.same_as:
        name = placed.same_as[name]
    return name


def _check_known(names: set[str], values: Mapping[str, float]) -> None:
    wrong = sorted(name for name in names if not 0 <= values.get(name, np.nan) < np.inf)
    if wrong:
        expected = "a finite scale of each tensor that becomes INT8"
        fix = "calibrate this very file"
        raise ModelError(expected, f"none of {', '.join(wrong)}", fix)


def _within(clip: tuple[float, float], bounds: tuple[float, float] | None) -> tuple[float, float]:
    """Return what is left of a range: a ReLU has no use for codes below 0."""
    low, high = bounds or (-np.inf, np.inf)
    return float(np.fmax(clip[0], low)), float(np.fmin(clip[1], high))


def _bounds(graph: GraphProto) -> dict[str, tuple[float, float]]:
    constants = constants_of(graph)
    nodes = (node for node in graph.node if node.op_type in BOUNDING_OPS)
    return {node.output[0]: bounds_of(node, constants) for node in nodes}
