"""FP16 written into the graph, for TensorRT 11 and TensorRT-RTX, which take precision from it.

Inputs and outputs stay as they are; weights and all up to the last learned operator become FP16;
what makes boxes and scores of it stays FP32 (see `edgedet.runtime.decode_tail`).

The rewriting is our own. Of the two maintained converters, measured on our detectors, the one of
ONNX Runtime 1.31 leaves the nodes unsorted and puts a cast to FP16 and back between any two nodes
that it was told to keep in FP32, so that boxes are rounded to half a pixel; onnxconverter-common
1.16 makes an invalid file of a graph that casts its uint8 input.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import numpy as np

from edgedet.calibration.layers import tail_of
from edgedet.calibration.tensors import inferred_types
from edgedet.runtime.errors import ModelError
from edgedet.runtime.lazy import require

from .checks import opset_of
from .constant_folding import drop_unused
from .graph_view import bodies_of
from .metadata import read_spec, spec_text, with_provenance, write_spec
from .onnx_file import INSTALL_ONNX

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

FLOAT, FLOAT16 = 1, 10
"""Of TensorProto.DataType."""
_SUFFIX = {FLOAT: "_fp32", FLOAT16: "_fp16"}
_TYPE_ATTRIBUTES = frozenset({"dtype", "output_dtype", "to"})
"""By which an operator says the type of its result."""


def half_precision(model: ModelProto, keep: Collection[int] = ()) -> ModelProto:
    """Return a copy of an FP32 `model` that computes in FP16.

    keep: indices of further nodes to leave in FP32, as `nodes_to_keep` returns them. The spec's
    provenance says `precision: float16`. Raises ModelError for a graph with branches or with FP16
    in it already.
    """
    inferred = inferred_types(model)
    _check_source(inferred.graph)
    half = type(model)()
    half.CopyFrom(model)
    fp32 = {*keep, *tail_of(model.graph)}
    _Halving(half.graph, elem_types(inferred.graph), opset_of(model)).apply(fp32)
    drop_unused(half.graph)
    if spec_text(half) is not None:
        write_spec(half, with_provenance(read_spec(half), {"precision": "float16"}))
    return half


def elem_types(graph: GraphProto) -> dict[str, int]:
    """Return TensorProto.DataType of each tensor by its name."""
    values = [*graph.value_info, *graph.input, *graph.output]
    types = {value.name: value.type.tensor_type.elem_type for value in values}
    return {**types, **{tensor.name: tensor.data_type for tensor in graph.initializer}}


def _check_source(graph: GraphProto) -> None:
    fix = "export the model with `edgedet export`, in FP32"
    if FLOAT16 in elem_types(graph).values():
        raise ModelError("a graph in FP32", "one with FP16 in it", fix)
    for node in graph.node:
        if bodies_of(node):
            raise ModelError("a graph without branches", f"{node.op_type} {node.name}", fix)


class _Halving:
    """One rewriting of one graph. A tensor exists in the type in which it is computed, and as a
    cast copy in the other where a node asks for that.
    """

    def __init__(self, graph: GraphProto, types: dict[str, int], opset: int) -> None:
        self._onnx = require("onnx", INSTALL_ONNX)
        self._graph = graph
        self._opset = opset
        self._floats = {name for name, kind in types.items() if kind == FLOAT}
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._taken = set(types)
        self._outputs = {value.name for value in graph.output}
        inputs = {value.name for value in graph.input}
        names = inputs | set(self._constants)
        self._names: dict[tuple[str, int], str] = {(name, FLOAT): name for name in names}
        self._nodes: list[NodeProto] = []

    def apply(self, fp32: Collection[int]) -> None:
        """Rewrite the graph in place, the nodes at these indices excepted."""
        for index, node in enumerate(list(self._graph.node)):
            self._rewrite(node, FLOAT if index in fp32 else FLOAT16)
        for value in self._graph.output:
            if value.name in self._floats:
                self._named(value.name, FLOAT)
        del self._graph.node[:]
        self._graph.node.extend(self._nodes)
        del self._graph.value_info[:]  # of the types before

    def _rewrite(self, node: NodeProto, wanted: int) -> None:
        wanted = wanted if self._can_be_half(node) else FLOAT
        changed = type(node)()
        changed.CopyFrom(node)
        for place, name in enumerate(node.input):
            if name in self._floats:
                kind = wanted if self._takes_half(node, place) else FLOAT
                changed.input[place] = self._named(name, kind)
        for place, name in enumerate(node.output):
            if name in self._floats:
                changed.output[place] = self._new(name, wanted)
        if node.op_type == "Cast" and node.output[0] in self._floats:
            next(entry for entry in changed.attribute if entry.name == "to").i = wanted
        self._nodes.append(changed)

    def _can_be_half(self, node: NodeProto) -> bool:
        """Whether the node computes in FP16, and takes its type from what it reads."""
        if node.op_type != "Cast":
            told = _TYPE_ATTRIBUTES.intersection(entry.name for entry in node.attribute)
            if told or not self._floats.intersection(node.input):
                return False
        results = [place for place, name in enumerate(node.output) if name in self._floats]
        return all(self._allowed(node, "outputs", place) for place in results)

    def _takes_half(self, node: NodeProto, place: int) -> bool:
        return self._allowed(node, "inputs", place)

    def _allowed(self, node: NodeProto, side: str, place: int) -> bool:
        """Whether the operator's definition lets this input or output be FP16."""
        try:
            schema = self._onnx.defs.get_schema(node.op_type, self._opset, node.domain)
        except self._onnx.defs.SchemaError:
            return False
        parameters = getattr(schema, side)
        kind = parameters[min(place, len(parameters) - 1)].type_str  # the last may repeat
        allowed: Iterable[str] = next(
            (c.allowed_type_strs for c in schema.type_constraints if c.type_param_str == kind),
            [kind],
        )
        return "tensor(float16)" in allowed

    def _named(self, name: str, kind: int) -> str:
        """Return the name of that tensor in that type; it is made when it is not there yet."""
        known = self._names.get((name, kind))
        if known is not None:
            return known
        if name in self._constants:
            return self._constant(name)
        source = self._names[name, FLOAT + FLOAT16 - kind]
        target = self._new(name, kind)
        self._nodes.append(
            self._onnx.helper.make_node("Cast", [source], [target], to=kind, name=target)
        )
        return target

    def _constant(self, name: str) -> str:
        value = self._onnx.numpy_helper.to_array(self._constants[name])
        target = self._new(name, FLOAT16)
        half = self._onnx.numpy_helper.from_array(np.asarray(value, np.float16), target)
        self._graph.initializer.append(half)
        return target

    def _new(self, name: str, kind: int) -> str:
        """Return a name for the tensor in that type; the graph's outputs keep theirs in FP32."""
        own = kind == FLOAT if name in self._outputs else not self._is_made(name)
        unique = name if own else name + _SUFFIX[kind]
        while not own and unique in self._taken:
            unique += "_"
        self._taken.add(unique)
        self._names[name, kind] = unique
        return unique

    def _is_made(self, name: str) -> bool:
        return any((name, kind) in self._names for kind in _SUFFIX)
