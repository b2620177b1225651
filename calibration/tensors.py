"""Which tensors of an ONNX graph need a scale: its inputs and every activation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgedet.runtime.errors import ModelError
from edgedet.runtime.lazy import require

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

INSTALL_ONNX = "install it with: pip install 'edgedet[train]'"
FLOAT = 1
"""Of TensorProto.DataType."""
SHAPE_READERS = ("Shape", "Size")
"""What they return does not depend on the values of an image."""


def activation_names(model: ModelProto) -> tuple[str, ...]:
    """Return the names of the FP32 tensors whose values follow from the input, inputs first.

    They are the names of the file, by which TensorRT's parser calls its tensors as well. Weights,
    constants and what is computed of them alone have no place here: TensorRT scales weights by
    itself. Tensors inside the bodies of If, Loop and Scan are left out: no scale can be given to
    them from outside.

    Raises ModelError for a graph that contradicts itself.
    """
    graph = inferred_types(model).graph
    values = [*graph.value_info, *graph.input, *graph.output]
    types = {value.name: value.type.tensor_type.elem_type for value in values}
    return tuple(name for name in _following(graph) if types.get(name) == FLOAT)


def inferred_types(model: ModelProto) -> ModelProto:
    """Return a copy of the model in which the type of every tensor is written down.

    ModelError for a graph that contradicts itself, or whose nodes are out of order.
    """
    onnx = require("onnx", INSTALL_ONNX)
    try:
        inferred: ModelProto = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    except onnx.shape_inference.InferenceError as error:
        found = str(error).strip().splitlines()[0]
        raise ModelError("a valid ONNX graph", found, "export the model again") from error
    return inferred


def _following(graph: GraphProto) -> list[str]:
    """Return the inputs of the caller and all tensors that depend on their values, in order."""
    constants = {tensor.name for tensor in graph.initializer}
    names = [value.name for value in graph.input if value.name not in constants]
    known = set(names)
    for node in graph.node:
        if node.op_type not in SHAPE_READERS and known.intersection(_read_by(node)):
            made = [name for name in node.output if name]  # "": not asked for
            names += made
            known.update(made)
    return names


def _read_by(node: NodeProto) -> set[str]:
    """Return what a node reads, and what the bodies inside it read."""
    read = set(node.input)
    for attribute in node.attribute:
        for body in [attribute.g, *attribute.graphs]:
            read.update(*(_read_by(inner) for inner in body.node))
    return read
