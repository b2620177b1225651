"""Where a graph is quantised: which layers, which tensors, and which layer reads which as int8.

Two forms of one calibration. TensorRT's has a pair of Q and DQ only in front of what computes in
int8, and moves it by itself; the sum of a skip connection is fused into the convolution before it,
so its other side alone is quantised ("Explicit quantization: Q/DQ placement recommendations" of
its documentation). ONNX Runtime fuses an operator only when all that it reads and writes is
quantised, so in the form for the CPU int8 goes from operator to operator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from edgedet.runtime.onnx_facts import LEARNED_OPS

from .layers import constants_of, edges_of, head_of, layer_name, readers_of, tail_of
from .weights import channel_axis

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray
    from onnx import GraphProto, NodeProto

Form = Literal["tensorrt", "cpu"]
FORMS: tuple[Form, ...] = ("tensorrt", "cpu")

OWN_SCALE_OPS = ("Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool")
"""Of which ONNX Runtime has an int8 kernel that gives its result a scale of its own."""
SAME_SCALE_OPS = ("MaxPool", "Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
"""Of which it has one that works on the codes: they have to mean the same before and after."""
BOUNDING_OPS = ("Relu", "Clip")
MATRIX = 2
"""Axes of weights of which one is the outputs': a vector has none, a stack of matrices several."""


@dataclass(frozen=True)
class Placement:
    """What becomes int8 in one graph; nodes by their index."""

    layers: dict[int, int] = field(default_factory=dict)
    """Learned layers with int8 weights -> the axis of the weights' channels."""
    edges: set[tuple[int, int]] = field(default_factory=set)
    """(node, input position) that read a quantised tensor."""
    dropped: dict[str, str] = field(default_factory=dict)
    """What a Relu or Clip makes -> what it reads, where the end of the codes takes its place."""
    guarded: set[int] = field(default_factory=set)
    """Layers in float whose input is quantised: ONNX Runtime, at least 1.31, would quantise their
    weights by itself, with one scale for all channels, which depthwise layers do not survive."""
    same_as: dict[str, str] = field(default_factory=dict)
    """Tensor -> the one whose scale it has."""


def int8_layers(
    graph: GraphProto, float_layers: Collection[str] = (), *, int8_head: bool = False
) -> dict[int, int]:
    """Return the index of each layer that becomes int8, with the axis of its output channels.

    These are all that have constant weights, but for those named in float_layers (see
    `layer_name`) and, unless int8_head, the last ones: what they return is boxes and scores in all
    but name.
    """
    constants = constants_of(graph)
    left_out = set() if int8_head else head_of(graph)
    found = {}
    for index, node in enumerate(graph.node):
        axis = channel_axis(node) if _has_weights(node, constants) else None
        if axis is not None and index not in left_out and layer_name(node) not in float_layers:
            found[index] = axis
    return found


def place_tensorrt(graph: GraphProto, layers: dict[int, int]) -> Placement:
    """Return what TensorRT is to read as int8: the inputs of the layers, and of each sum right
    behind one of them the other side.
    """
    placed = Placement(layers, edges={(index, 0) for index in layers})
    constants, readers = constants_of(graph), readers_of(graph)
    made = {graph.node[index].output[0] for index in layers}
    fusible = {name for name in made if len(readers.get(name, ())) == 1}
    for index, node in enumerate(graph.node):
        fused = next((name for name in node.input if name in fusible), None)
        if node.op_type == "Add" and fused and not constants.keys() & set(node.input):
            placed.edges.update((index, at) for at, name in enumerate(node.input) if name != fused)
    return placed


def place_cpu(graph: GraphProto, layers: dict[int, int]) -> Placement:
    """Return what ONNX Runtime is to compute in int8: the layers, and what lies between them."""
    placed = Placement(layers)
    constants, readers = constants_of(graph), readers_of(graph)
    kept = {value.name for value in graph.output}
    tail = tail_of(graph)
    quantised = {graph.node[index].input[0] for index in layers}
    for index, node in enumerate(graph.node):
        inputs = [name for name in node.input if name and name not in constants]
        between = index not in tail and bool(inputs) and quantised.issuperset(inputs)
        if index not in layers and not (between and _has_int8_kernel(node, constants)):
            if node.op_type in LEARNED_OPS:
                placed.guarded.add(index)
            continue
        output = node.output[0]
        quantised.add(output)
        if node.op_type in SAME_SCALE_OPS:
            placed.same_as[output] = inputs[0]
        elif (
            _bounds_alone(node, constants, readers)
            and inputs[0] not in placed.dropped
            and kept.isdisjoint([inputs[0], output])
        ):
            placed.dropped[output] = inputs[0]
            quantised.remove(inputs[0])
    placed.edges.update((at, place) for at, place, name in edges_of(graph) if name in quantised)
    return placed


def _bounds_alone(
    node: NodeProto,
    constants: Mapping[str, NDArray[np.generic]],
    readers: Mapping[str, Sequence[int]],
) -> bool:
    """Whether it is a ReLU of some kind, the only reader of what it bounds: codes from 0 to its
    upper bound then do the same.
    """
    if node.op_type not in BOUNDING_OPS or len(readers[node.input[0]]) > 1:
        return False
    return bounds_of(node, constants)[0] == 0


def bounds_of(node: NodeProto, constants: Mapping[str, NDArray[np.generic]]) -> tuple[float, float]:
    """Return between what a Relu or Clip keeps its result; infinite where it sets no bound, nan
    where that is not known before.
    """
    if node.op_type == "Relu":
        return 0.0, np.inf
    low, high = (*node.input[1:3], "", "")[:2]
    return _bound(low, -np.inf, constants), _bound(high, np.inf, constants)


def _bound(name: str, without: float, constants: Mapping[str, NDArray[np.generic]]) -> float:
    if not name:
        return without
    return float(constants[name]) if name in constants else np.nan


def _has_weights(node: NodeProto, constants: Mapping[str, NDArray[np.generic]]) -> bool:
    """Whether the node multiplies what is computed by what is known: filters or a matrix."""
    if node.op_type not in LEARNED_OPS or node.input[0] in constants:
        return False
    weights = constants.get(node.input[1])
    return weights is not None and (node.op_type != "MatMul" or weights.ndim == MATRIX)


def _has_int8_kernel(node: NodeProto, constants: Collection[str]) -> bool:
    """Whether ONNX Runtime computes the node in int8, given all that it reads in int8."""
    if node.op_type in OWN_SCALE_OPS:
        return not any(name in constants for name in node.input)
    return node.op_type in (*SAME_SCALE_OPS, *BOUNDING_OPS) and len(node.output) == 1
