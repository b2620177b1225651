"""Graphs of one node, with what the target says about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

NANO, TRT85, TRT103 = "nano-trt82", "jetson-trt85", "jetson-trt103"
FLOAT, HALF, INT64 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT64
Constant = Sequence[Any] | np.ndarray[Any, Any]


def one_node(
    op_type: str,
    shape: Sequence[int | str] = (1, 4, 8, 8),
    constants: Sequence[Constant | None] = (),
    *,
    dtype: int = FLOAT,
    opset: int = 13,
    outputs: int = 1,
    **attributes: object,
) -> onnx.ModelProto:
    """images -> one node; its further inputs are constants, None leaves one out."""
    inputs, initializers = ["images"], []
    for index, values in enumerate(constants):
        inputs.append("" if values is None else f"c{index}")
        if values is not None:
            initializers.append(numpy_helper.from_array(np.asarray(values), f"c{index}"))
    names = [f"y{index}" for index in range(outputs)]
    node = helper.make_node(op_type, inputs, names, name=f"/model/head/{op_type}", **attributes)
    images = helper.make_tensor_value_info("images", dtype, shape)
    results = [helper.make_empty_tensor_value_info(name) for name in names]
    graph = helper.make_graph([node], "one", [images], results, initializers)
    opsets = [helper.make_opsetid("", opset)]
    return with_types(helper.make_model(graph, opset_imports=opsets, ir_version=8))


def with_types(model: onnx.ModelProto) -> onnx.ModelProto:
    """The outputs with their types, which importers want to know."""
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    del bare.graph.output[:]
    inferred = {v.name: v for v in onnx.shape_inference.infer_shapes(bare).graph.value_info}
    for value in model.graph.output:
        if value.name in inferred:
            value.CopyFrom(inferred[value.name])
    return model


def k(count: int) -> list[Constant | None]:
    return [np.array([count], np.int64)]


HALF_ONE = np.array(1, np.float16)
AXES = np.array([2, 3], np.int64)
CASES: list[tuple[str, str, str, onnx.ModelProto]] = [
    # level, words, target, graph
    ("silent_wrong", "axes as input", NANO, one_node("ReduceMean", (1, 4, 8, 8), [AXES], opset=18)),
    ("silent_wrong", "largest=0", NANO, one_node("TopK", (1, 9), k(3), outputs=2, largest=0)),
    ("error", "K = 3841", NANO, one_node("TopK", (1, 5000), k(3841), outputs=2)),
    ("error", "K = 3841", "rtx", one_node("TopK", (1, 5000), k(3841), outputs=2)),
    ("error", "sorted=0", TRT103, one_node("TopK", (1, 9), k(3), outputs=2, sorted=0)),
    ("error", "INT64 input", NANO, one_node("TopK", (1, 9), k(3), outputs=2, dtype=INT64)),
    ("error", "INT64 input", NANO, one_node("ArgMax", dtype=INT64)),
    ("silent_wrong", "FP16 constant", NANO, one_node("Clip", (4,), [HALF_ONE] * 2, dtype=HALF)),
    ("silent_wrong", "training_mode=1", NANO, one_node(
        "BatchNormalization", (1, 4, 8, 8), [np.ones(4, np.float32)] * 4, opset=14, training_mode=1,
        outputs=3)),
    ("error", "no allowzero", NANO, one_node("Reshape", constants=[[1, -1]], opset=14)),
    ("silent_wrong", "attributes start", NANO, one_node("Shape", opset=15, start=1)),
    ("silent_wrong", "8 into 3", NANO, one_node(
        "Split", opset=18, axis=3, num_outputs=3, outputs=3)),
    ("silent_wrong", "reduction=add", NANO, one_node(
        "ScatterND", (4,), [[[0]], np.ones(1, np.float32)], opset=16, reduction="add")),
    ("error", "reduction=add", TRT103, one_node(
        "ScatterND", (4,), [[[0]], np.ones(1, np.float32)], opset=16, reduction="add")),
    ("silent_wrong", "antialias=1", NANO, one_node(
        "Resize", constants=[None, None, [1, 4, 4, 4]], opset=18, mode="linear", antialias=1)),
    ("error", "mode=cubic", NANO, one_node(
        "Resize", constants=[None, np.ones(4, np.float32)], mode="cubic")),
    ("error", "antialias=1", "rtx", one_node(
        "Resize", constants=[None, None, [1, 4, 4, 4]], opset=18, mode="linear", antialias=1)),
    ("error", "half_pixel_symmetric", NANO, one_node(
        "Resize", constants=[None, np.ones(4, np.float32)], opset=19,
        coordinate_transformation_mode="half_pixel_symmetric")),
    ("silent_wrong", "input c2", NANO, one_node(
        "Pad", (1, 9), [[1, 1], np.array(0, np.float32), [1]], opset=18)),
    ("silent_wrong", "FP16 constant", NANO, one_node("Pad", (9,), [[1, 1], HALF_ONE], dtype=HALF)),
    ("error", "mode=wrap", NANO, one_node("Pad", (9,), [[1, 1]], opset=19, mode="wrap")),
    ("error", "dilations=[2, 2]", NANO, one_node("MaxPool", kernel_shape=[2, 2], dilations=[2, 2])),
    ("error", "output y1", TRT103, one_node("MaxPool", outputs=2, kernel_shape=[2, 2])),
    ("error", "to=UINT8", NANO, one_node("Cast", to=TensorProto.UINT8)),
    ("error", "BOOL input", NANO, one_node("Gather", (4,), [[0]], dtype=TensorProto.BOOL)),
    ("error", "rank 3", NANO, one_node("MaxPool", (1, 4, 8), kernel_shape=[2])),
    ("note", "weights of rank 3", NANO, one_node(
        "Conv", (1, 4, 8), [np.ones((4, 4, 1), np.float32)])),
    ("error", "2 inputs", NANO, one_node("QuantizeLinear", constants=[np.array(1, np.float32)])),
    ("error", "zero point", TRT103, one_node(
        "QuantizeLinear", constants=[np.array(1, np.float32), np.array(3, np.int8)])),
    ("error", "scale of 0", NANO, one_node(
        "QuantizeLinear", constants=[np.array(0, np.float32), np.array(0, np.int8)])),
    ("error", "without the DP4A", NANO, one_node(
        "QuantizeLinear", constants=[np.array(1, np.float32), np.array(0, np.int8)])),
    ("error", "does not have it", NANO, one_node("Mish", opset=18)),
    ("error", "does not have it", NANO, one_node("Mod", constants=[np.float32(2)], fmod=1)),
    ("unverified", "later importers do", TRT85, one_node("HardSwish", opset=14)),
    ("error", "no runners", "rtx", one_node(
        "NonMaxSuppression", (1, 9, 4), [np.ones((1, 1, 9), np.float32), [9]])),
    ("note", "needs a GPU even to parse", "rtx", one_node(
        "RoiAlign", constants=[np.ones((1, 4), np.float32), [0]], opset=16)),
    ("unverified", "documented for FP32, FP16", NANO, one_node(
        "Equal", (4,), [np.ones(4, bool)], dtype=TensorProto.BOOL)),
    ("error", "dilations=[2, 2]", "rtx", one_node(
        "MaxPool", kernel_shape=[2, 2], dilations=[2, 2])),
    ("error", "half_pixel_symmetric", "rtx", one_node(
        "Resize", constants=[None, np.ones(4, np.float32)], opset=19,
        coordinate_transformation_mode="half_pixel_symmetric")),
    ("error", "training_mode=1", "rtx", one_node(
        "BatchNormalization", (1, 4, 8, 8), [np.ones(4, np.float32)] * 4, opset=15, training_mode=1,
        outputs=3)),
    ("error", "reduction=add", "rtx", one_node(
        "ScatterElements", (4,), [[0], np.ones(1, np.float32)], opset=16, reduction="add")),
    ("error", "mode=cubic", TRT103, one_node(
        "Resize", constants=[None, np.ones(4, np.float32)], mode="cubic")),
    ("error", "9 axes", NANO, one_node("Relu", (1,) * 9)),
]  # fmt: skip


HARMLESS = [
    one_node("ReduceMean", axes=[2, 3]),
    one_node("ReduceSum", constants=[AXES]),
    one_node("TopK", (1, 9), k(9), outputs=2, largest=1, sorted=1),
    one_node("Clip", (4,), [np.float32(0), np.float32(6)]),
    one_node("Reshape", constants=[[1, -1]]),
    one_node("Shape"),
    one_node("Split", axis=3, outputs=2),
    one_node("Resize", constants=[None, np.ones(4, np.float32)], mode="nearest"),
    one_node("Pad", (9,), [[1, 1], np.float32(0)]),
    one_node("MaxPool", kernel_shape=[2, 2], dilations=[1, 1]),
    one_node("Slice", constants=[[0], [1], [1]]),
    one_node("Cast", dtype=INT64, to=FLOAT),
]
