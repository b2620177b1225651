"""What an exported graph must be, so that one file feeds every backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from edgedet.runtime.errors import ModelError
from edgedet.runtime.lazy import require

from .onnx_file import INSTALL_ONNX

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

INPUT_NAME = "images"
OUTPUT_NAMES = ("boxes_xyxy", "scores", "labels")

MAX_IR_VERSION = 8
"""Newest file format that ONNX Runtime 1.10 reads: the last one for Python 3.6."""

DEFAULT_OPSET = 13
"""What TensorRT 8.2 (Jetson Nano) documents as its newest."""
MIN_OPSET = 13
MAX_OPSET = 18
"""The exporter writes IR version 9 from opset 19 on."""

MAX_TOP_K = 3840
"""TensorRT (8.2 to 11, RTX) refuses a TopK with a larger K."""


def check_graph(model: ModelProto, opset: int) -> None:
    """Refuse a graph that some backend would refuse or, worse, compute differently.

    Checks ONNX validity with inferred shapes, opset and IR version, input and output names,
    static shapes, and constant K <= 3840 of each TopK.

    Raises ModelError at the first thing that is wrong.
    """
    onnx = require("onnx", INSTALL_ONNX)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = str(error).strip().splitlines()[0]
        raise _wrong("a valid ONNX graph", reason) from error
    _check_versions(model, opset)
    _check_names(model.graph)
    for value in [*model.graph.input, *model.graph.output]:
        _check_static(value)
    for node in model.graph.node:
        if node.op_type == "TopK":
            _check_top_k(node, model.graph)


def opset_of(model: ModelProto) -> int:
    """Return the opset of the standard ONNX operators (0 when the file names none)."""
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    return max(versions, default=0)


def dims_of(value: ValueInfoProto) -> tuple[int | str, ...]:
    """Return a tensor's shape; a dynamic axis is its name, or "?" without one."""
    return tuple(
        dim.dim_value if dim.HasField("dim_value") else (dim.dim_param or "?")
        for dim in value.type.tensor_type.shape.dim
    )


def has_static_shape(value: ValueInfoProto) -> bool:
    """Whether the rank and every axis of a tensor are known."""
    known = value.type.tensor_type.HasField("shape")
    return known and all(isinstance(dim, int) for dim in dims_of(value))


def _check_versions(model: ModelProto, opset: int) -> None:
    if opset_of(model) != opset:
        raise _wrong(f"opset {opset}", f"opset {opset_of(model)}")
    if model.ir_version > MAX_IR_VERSION:
        raise _wrong(f"IR version at most {MAX_IR_VERSION}", f"IR version {model.ir_version}")
    domains = sorted({entry.domain for entry in model.opset_import} - {"", "ai.onnx"})
    if domains:
        raise _wrong("standard ONNX operators only", f"operators of {', '.join(domains)}")


def _check_names(graph: GraphProto) -> None:
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value.name for value in graph.input if value.name not in constants]
    outputs = [value.name for value in graph.output]
    if inputs != [INPUT_NAME] or outputs != list(OUTPUT_NAMES):
        wanted = f"{INPUT_NAME} -> {', '.join(OUTPUT_NAMES)}"
        raise _wrong(wanted, f"{', '.join(inputs)} -> {', '.join(outputs)}")


def _check_static(value: ValueInfoProto) -> None:
    if not has_static_shape(value):
        raise _wrong(f"a static shape of `{value.name}`", f"{list(dims_of(value))}")


def _check_top_k(node: NodeProto, graph: GraphProto) -> None:
    count = _constant_value(node.input[1], graph)
    if count is None or not 0 < count <= MAX_TOP_K:
        found = "a computed K" if count is None else f"K = {count}"
        raise _wrong(f"a TopK with constant K of at most {MAX_TOP_K}", found)


def _constant_value(name: str, graph: GraphProto) -> int | None:
    """Return the only number of a constant, or None when `name` is no such constant."""
    onnx = require("onnx", INSTALL_ONNX)
    for tensor in _constants(name, graph.initializer, graph.node):
        values = onnx.numpy_helper.to_array(tensor).reshape(-1)
        return int(values[0]) if len(values) == 1 else None
    return None


def _constants(
    name: str, initializers: Sequence[object], nodes: Sequence[NodeProto]
) -> Iterator[object]:
    yield from (tensor for tensor in initializers if getattr(tensor, "name", None) == name)
    for node in nodes:
        if node.op_type == "Constant" and name in node.output:
            yield from (attribute.t for attribute in node.attribute if attribute.name == "value")


def _wrong(expected: str, found: str) -> ModelError:
    return ModelError(expected, found, "the graph cannot be exported: change the model's predict()")
