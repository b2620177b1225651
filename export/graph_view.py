"""An ONNX graph as an importer looks at it: nodes with what is known of their inputs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edgedet.runtime.lazy import require

from .checks import opset_of
from .onnx_file import INSTALL_ONNX

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

STANDARD_DOMAINS = ("", "ai.onnx")
TYPE_NAMES = {"FLOAT": "FP32", "FLOAT16": "FP16", "BFLOAT16": "BF16", "DOUBLE": "FP64"}
"""Of ONNX, in the words of TensorRT; all others are called the same."""
SCOPES_KEY = "pkg.torch.onnx.name_scopes"
"""Where the newer PyTorch exporter notes the modules that a node came from."""
SHAPE_READERS = ("Shape", "Size")
OUTSIDE_MODULES = "predict"
"""What a node belongs to whose name holds no module: the function that was exported."""


class GraphView:
    """One model: its nodes, bodies of If, Loop and Scan included, with inferred types and shapes.

    A foreign graph may be wrong anywhere, so nothing here raises: what is unknown is None.
    """

    def __init__(self, model: ModelProto) -> None:
        self._onnx = require("onnx", INSTALL_ONNX)
        self.opset = opset_of(model)
        if model.functions:  # importers that know them inline them as well
            model = require("onnx.inliner", INSTALL_ONNX).inline_local_functions(model)
        self.model = model
        self.constants: dict[str, TensorProto] = {}
        self.producers: dict[str, NodeProto] = {}
        self.readers: dict[str, list[NodeProto]] = {}
        self._types: dict[str, tuple[int, tuple[int | None, ...] | None]] = {}
        graphs = list(nested_graphs(model.graph))
        self.nodes = [NodeView(node, self) for graph in graphs for node in graph.node]
        for graph in [*graphs, *nested_graphs(self._inferred(model).graph)]:
            self._learn(graph)

    @property
    def inputs(self) -> list[ValueInfoProto]:
        """What the caller gives: the graph's inputs without its constants."""
        return [value for value in self.model.graph.input if value.name not in self.constants]

    @property
    def outputs(self) -> list[ValueInfoProto]:
        """What the caller gets."""
        return list(self.model.graph.output)

    def dtype(self, name: str) -> str | None:
        """Return a tensor's type as TensorRT calls it, such as FP32 or INT64."""
        code = self._types.get(name, (0, None))[0]
        return self.type_name(code) if code else None

    def shape(self, name: str) -> tuple[int | None, ...] | None:
        """Return a tensor's shape, None for a dynamic axis; None when the rank is unknown."""
        return self._types.get(name, (0, None))[1]

    def value(self, name: str) -> NDArray[np.generic] | None:
        """Return what a constant holds, or None when it is none or stands in another file."""
        tensor = self.constants.get(name)
        if tensor is None or tensor.data_location == self._onnx.TensorProto.EXTERNAL:
            return None
        try:
            array: NDArray[np.generic] = self._onnx.numpy_helper.to_array(tensor)
        except (TypeError, ValueError):  # fewer bytes than its shape says
            return None
        return array

    def input_behind(self, name: str) -> str:
        """Return an input of the graph on whose values a tensor depends, "" when there is none.

        What reads shapes only (Shape, Size) depends on no values.
        """
        inputs = {value.name for value in self.inputs}
        waiting, seen = [name], {""}
        while waiting:
            current = waiting.pop()
            if current in seen or current in self.constants:
                continue
            if current in inputs:
                return current
            seen.add(current)
            producer = self.producers.get(current)
            if producer is not None and producer.op_type not in SHAPE_READERS:
                waiting.extend(producer.input)
        return ""

    def type_name(self, code: int) -> str:
        """Return a TensorProto.DataType in the words of TensorRT."""
        known = self._onnx.TensorProto.DataType
        name: str = known.Name(code) if code in known.values() else f"type {code}"
        return TYPE_NAMES.get(name, name)

    def attribute(self, node: NodeProto, name: str) -> Any:
        """Return an attribute's value, text as str, or None without it."""
        for attribute in node.attribute:
            if attribute.name == name:
                value = self._onnx.helper.get_attribute_value(attribute)
                return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        return None

    def _inferred(self, model: ModelProto) -> ModelProto:
        shape_inference = self._onnx.shape_inference
        try:
            inferred: ModelProto = shape_inference.infer_shapes(model, data_prop=True)
        except (shape_inference.InferenceError, ValueError, RuntimeError):
            return model  # over 2 GB, or wrong: the importer then knows no more than we do
        return inferred

    def _learn(self, graph: GraphProto) -> None:
        for tensor in graph.initializer:
            self.constants[tensor.name] = tensor
            self._types[tensor.name] = (tensor.data_type, tuple(tensor.dims))
        for node in graph.node:
            self._learn_node(node)
        for value in [*graph.input, *graph.value_info, *graph.output]:
            if value.type.HasField("tensor_type"):
                self._types[value.name] = _type_of(value)

    def _learn_node(self, node: NodeProto) -> None:
        for name in node.output:
            self.producers[name] = node
        for name in node.input:
            self.readers.setdefault(name, []).append(node)
        tensor = self.attribute(node, "value") if node.op_type == "Constant" else None
        if tensor is not None and node.output:
            self.constants[node.output[0]] = tensor


class NodeView:
    """One node; inputs and outputs are asked by position, absent ones are ""."""

    def __init__(self, node: NodeProto, graph: GraphView) -> None:
        self.node = node
        self.graph = graph
        self.op_type: str = node.op_type

    @property
    def name(self) -> str:
        """Its name, or what it computes when it has none."""
        return self.node.name or f"the node of {', '.join(self.node.output)}"

    @property
    def is_standard(self) -> bool:
        """Whether it is an operator of ONNX itself."""
        return self.node.domain in STANDARD_DOMAINS

    @property
    def module(self) -> str | None:
        """The PyTorch module it came from, or None when its exporter did not say."""
        for entry in getattr(self.node, "metadata_props", ()):
            if entry.key == SCOPES_KEY:
                return _module_of_scopes(entry.value)
        return module_of(self.node.name, wrapped=self.graph.model.producer_name == "edgedet")

    def attribute(self, name: str) -> Any:
        """Return an attribute's value, or None without it."""
        return self.graph.attribute(self.node, name)

    def input(self, position: int) -> str:
        """Return the name of an input."""
        return self.node.input[position] if position < len(self.node.input) else ""

    def output(self, position: int) -> str:
        """Return the name of an output."""
        return self.node.output[position] if position < len(self.node.output) else ""

    def is_constant(self, position: int) -> bool:
        """Whether an input is absent or known before the model runs."""
        name = self.input(position)
        return not name or name in self.graph.constants

    def value(self, position: int) -> NDArray[np.generic] | None:
        """Return what a constant input holds."""
        return self.graph.value(self.input(position))

    def dtype(self, position: int) -> str | None:
        """Return the type of an input."""
        return self.graph.dtype(self.input(position))

    def shape(self, position: int) -> tuple[int | None, ...] | None:
        """Return the shape of an input."""
        return self.graph.shape(self.input(position))

    def producer(self, position: int) -> str | None:
        """Return the operator that makes an input."""
        made = self.graph.producers.get(self.input(position))
        return None if made is None else made.op_type


def module_of(node_name: str, *, wrapped: bool = False) -> str | None:
    """Return the module path inside a name of PyTorch's exporter, or None when it holds none.

    `/model/stages.0/stages.0.1/conv/Conv_2` is `model.stages.0.1.conv`: a part that begins with
    the one before it replaces it. wrapped: the first module is edgedet's own wrapper.
    """
    if not node_name.startswith("/"):
        return None
    path: list[str] = []
    for part in node_name.split("/")[1:-1]:
        if path and part.startswith(path[-1] + "."):
            path.pop()
        path.append(part)
    if wrapped and path[:1] == ["model"]:
        path = path[1:]
    return ".".join(path) or OUTSIDE_MODULES


def _module_of_scopes(text: str) -> str | None:
    """Return the innermost module of a list of scopes, the last of which is the node's own."""
    try:
        scopes = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return None
    modules = [str(scope) for scope in scopes[:-1] if scope] if isinstance(scopes, list) else []
    return modules[-1] if modules else OUTSIDE_MODULES


def bodies_of(node: NodeProto) -> list[GraphProto]:
    """Return the graphs inside a node: of If, Loop and Scan."""
    found = []
    for attribute in node.attribute:
        found += [attribute.g] if attribute.HasField("g") else []
        found += attribute.graphs
    return found


def nested_graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """Yield a graph and the bodies inside it."""
    yield graph
    for node in graph.node:
        for body in bodies_of(node):
            yield from nested_graphs(body)


def _type_of(value: ValueInfoProto) -> tuple[int, tuple[int | None, ...] | None]:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return tensor.elem_type, None
    dims = tensor.shape.dim
    return tensor.elem_type, tuple(d.dim_value if d.HasField("dim_value") else None for d in dims)
