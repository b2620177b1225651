"""New nodes and constants of a graph, under names that nothing else in it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgedet.runtime.lazy import require

from .layers import constants_of
from .tensors import INSTALL_ONNX

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import GraphProto, NodeProto


class Additions:
    """What is to be added to one graph: constants at once, nodes when somebody takes `nodes`."""

    def __init__(self, graph: GraphProto) -> None:
        self._onnx = require("onnx", INSTALL_ONNX)
        self._graph = graph
        self._taken = {name for node in graph.node for name in (*node.input, *node.output)}
        self._taken |= set(constants_of(graph))
        self.nodes: list[NodeProto] = []

    def node(self, op_type: str, inputs: list[str], name: str, **attributes: object) -> str:
        """Make a node and return the tensor that it makes; both have the name, or one like it."""
        output = self.fresh(name)
        make = self._onnx.helper.make_node
        self.nodes.append(make(op_type, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        """Add a constant and return its name, which is that or one like it."""
        unique = self.fresh(name)
        array = np.ascontiguousarray(value) if value.ndim else value
        self._graph.initializer.append(self._onnx.numpy_helper.from_array(array, unique))
        return unique

    def fresh(self, name: str) -> str:
        """Return a name that nothing has: that one or one like it."""
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name
