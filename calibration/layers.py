"""The layers of an ONNX graph as calibration sees them: learned, the last learned, what follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from edgedet.runtime.decode_tail import Step, decode_tail
from edgedet.runtime.lazy import require
from edgedet.runtime.onnx_facts import LEARNED_OPS

from .tensors import INSTALL_ONNX

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnx import GraphProto, NodeProto

MOVING_OPS = (
    "Concat",
    "DepthToSpace",
    "Flatten",
    "Identity",
    "Reshape",
    "Slice",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
)
"""Operators that change no value."""


def layer_name(node: NodeProto) -> str:
    """Return by what a layer is called: its name, or the tensor that it makes."""
    return node.name or node.output[0]


def tail_of(graph: GraphProto) -> set[int]:
    """Return the indices of the nodes that make boxes and scores of what was learned."""
    return decode_tail(steps_of(graph))


def steps_of(graph: GraphProto) -> list[Step]:
    """Return the nodes as `decode_tail` sees them."""
    constants = {tensor.name for tensor in graph.initializer}
    return [
        Step(
            learned=node.op_type in LEARNED_OPS,
            moves=node.op_type in MOVING_OPS,
            inputs=tuple(name for name in node.input if name not in constants),
            outputs=tuple(node.output),
        )
        for node in graph.node
    ]


def head_of(graph: GraphProto) -> set[int]:
    """Return the indices of the last learned layers: none that is learned depends on them.

    Their results are boxes and scores in all but name, of two kinds and ranges in one tensor.
    """
    feeds_learned: set[str] = set()
    head = set()
    for index in range(len(graph.node) - 1, -1, -1):
        node = graph.node[index]
        feeds = bool(feeds_learned.intersection(node.output))
        if node.op_type in LEARNED_OPS and not feeds:
            head.add(index)
        if node.op_type in LEARNED_OPS or feeds:
            feeds_learned.update(node.input)
    return head


def constants_of(graph: GraphProto) -> dict[str, NDArray[np.generic]]:
    """Return the value of each constant, by its name: initialisers and Constant nodes."""
    to_array = require("onnx", INSTALL_ONNX).numpy_helper.to_array
    found = {tensor.name: to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        for attribute in node.attribute if node.op_type == "Constant" else ():
            if attribute.name == "value":
                found[node.output[0]] = to_array(attribute.t)
    return found


def readers_of(graph: GraphProto) -> dict[str, list[int]]:
    """Return the indices of the nodes that read each tensor, once for each time."""
    readers: dict[str, list[int]] = {}
    for index, _, name in edges_of(graph):
        readers.setdefault(name, []).append(index)
    return readers


def chain_of(graph: GraphProto, name: str, op_types: Sequence[str]) -> list[int] | None:
    """Return the indices of nodes of these types, each the only reader of what the one before
    makes, the first one of `name`. None where there are others, or something between is a result
    of the graph.
    """
    readers, results = readers_of(graph), {value.name for value in graph.output}
    chain: list[int] = []
    for op_type in op_types:
        found = readers.get(name, [])
        if name in results or len(found) != 1:
            return None
        node = graph.node[found[0]]
        if node.op_type != op_type or node.input[0] != name:
            return None
        chain += found
        name = node.output[0]
    return chain


def edges_of(graph: GraphProto) -> Iterator[tuple[int, int, str]]:
    """Yield node index, input position and tensor of each input that is there."""
    for index, node in enumerate(graph.node):
        for place, name in enumerate(node.input):
            if name:
                yield index, place, name
