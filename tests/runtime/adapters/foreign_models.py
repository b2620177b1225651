"""Small ONNX files that answer every picture with the same numbers."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="needs the onnx package to write models")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

TYPES = {
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "uint8": TensorProto.UINT8,
}


def write_model(path, outputs, shape, dtype="float32", metadata=None):
    """A graph of one input ``x`` that gives the arrays of ``outputs`` by name; returns ``path``.

    Each output depends on the input, multiplied by zero, and declares no shape.
    """
    nodes = [
        helper.make_node("Cast", ["x"], ["x_float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x_float"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "nothing"], ["zero"]),
    ]
    constants = [numpy_helper.from_array(np.array(0, np.float32), "nothing")]
    for name, value in outputs.items():
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        constants.append(numpy_helper.from_array(value, name + "_constant"))
        nodes.append(helper.make_node("Cast", ["zero"], [name + "_zero"], to=kind))
        nodes.append(helper.make_node("Add", [name + "_constant", name + "_zero"], [name]))
    graph = helper.make_graph(
        nodes,
        "foreign",
        [helper.make_tensor_value_info("x", TYPES[dtype], list(shape))],
        [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), None)
            for n, v in outputs.items()
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    onnx.save(model, str(path))
    return path
