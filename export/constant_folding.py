"""Everything in a graph that does not depend on the image, computed once, at export.

The exporter computes shapes at run time even when all of them are static, by operators (Shape,
Mod, ConstantOfShape ...) of which TensorRT 8.2 lacks some.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from edgedet.runtime.lazy import require

from .checks import dims_of, has_static_shape, opset_of
from .graph_view import bodies_of, nested_graphs
from .onnx_file import INSTALL_ONNX

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import GraphProto, ModelProto, NodeProto


RANDOM_OPS = ("Bernoulli", "Dropout", "Multinomial", "RandomNormalLike", "RandomUniformLike")
"""Operators that give something else each time, even for constants."""


def fold_constants(model: ModelProto) -> ModelProto:
    """Return a copy of `model` in which constants alone feed no node, and nothing is unused.

    The results are those of ONNX's reference implementation. Names of tensors are kept.
    """
    onnx = require("onnx", INSTALL_ONNX)
    folded = type(model)()
    folded.CopyFrom(model)
    while _Folding(onnx.shape_inference.infer_shapes(folded, data_prop=True)).apply_to(folded):
        pass  # A shape that became a constant may make further shapes known.
    drop_unused(folded.graph)
    return folded


def drop_unused(graph: GraphProto) -> None:
    """Remove nodes and constants on which no output depends, in place."""
    needed = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(_reads(node))
            kept.append(node)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    unused = {tensor.name for tensor in graph.initializer} - needed
    for values in (graph.initializer, graph.input):  # a constant may be listed as input as well
        left = [value for value in values if value.name not in unused]
        del values[:]
        values.extend(left)


def _reads(node: NodeProto) -> Iterator[str]:
    """Yield the names that a node reads; bodies see the tensors around them."""
    yield from node.input
    for body in bodies_of(node):
        for graph in nested_graphs(body):
            yield from (name for inner in graph.node for name in inner.input)
            yield from (value.name for value in graph.output)


class _Folding:
    """One pass over a graph, with what is known of it: constants and static shapes."""

    def __init__(self, inferred: ModelProto) -> None:
        self._onnx = require("onnx", INSTALL_ONNX)
        self._opset = opset_of(inferred)
        graph = inferred.graph
        self._shapes = {
            value.name: dims_of(value)
            for value in [*graph.value_info, *graph.input, *graph.output]
            if has_static_shape(value)
        }
        self._constants = {
            tensor.name: self._onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer
        }

    def apply_to(self, model: ModelProto) -> bool:
        """Replace nodes by constants, in place; False when there was none to replace."""
        outputs = {value.name for value in model.graph.output}
        nodes = list(model.graph.node)
        kept = [n for n in nodes if outputs.intersection(n.output) or not self._computed(n)]
        del model.graph.node[:]
        model.graph.node.extend(kept)
        known = {tensor.name for tensor in model.graph.initializer}
        model.graph.initializer.extend(
            self._onnx.numpy_helper.from_array(np.asarray(value, order="C"), name)
            for name, value in self._constants.items()
            if name not in known
        )
        return len(kept) < len(nodes)

    def _computed(self, node: NodeProto) -> bool:
        """Whether the node's outputs are constants; they are known from here on."""
        values = self._values(node)
        if values is None:
            return False
        self._constants.update(zip(node.output, values, strict=True))
        return True

    def _values(self, node: NodeProto) -> list[NDArray[np.generic]] | None:
        if node.op_type == "Shape" and node.input[0] in self._shapes and not node.attribute:
            return [np.array(self._shapes[node.input[0]], np.int64)]
        inputs = [name for name in node.input if name]
        reads_constants = inputs and all(name in self._constants for name in inputs)
        if node.op_type != "Constant" and not reads_constants:
            return None
        # A body may read tensors that are not among the inputs.
        if node.op_type in RANDOM_OPS or bodies_of(node):
            return None
        reference = require("onnx.reference", INSTALL_ONNX)
        evaluator = reference.ReferenceEvaluator(node, opsets={"": self._opset})
        results = evaluator.run(None, {name: self._constants[name] for name in inputs})
        return [np.asarray(result) for result in results]
