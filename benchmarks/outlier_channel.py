"""A model in which one channel is far larger than its neighbours: exact in FP32, fatal in INT8."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
from onnx import numpy_helper

CHANNEL = 1


def with_outlier(model: onnx.ModelProto, factor: float) -> onnx.ModelProto:
    """Scale a channel between two convolutions, in place, which changes nothing in FP32.

    They are the first two of which one alone reads what the other one makes, with nothing between
    them. Raises StopIteration in a model without such a pair.
    """
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    maker, reader = _neighbours(model.graph)
    for name, scale, where in (
        (maker.input[1], factor, np.s_[CHANNEL]),
        (maker.input[2], factor, np.s_[CHANNEL]),
        (reader.input[1], 1 / factor, np.s_[:, CHANNEL]),
    ):
        values = numpy_helper.to_array(tensors[name]).copy()
        values[where] *= np.float32(scale)
        tensors[name].CopyFrom(numpy_helper.from_array(values, name))
    return model


def _neighbours(graph: onnx.GraphProto) -> tuple[onnx.NodeProto, onnx.NodeProto]:
    reads = Counter(name for node in graph.node for name in node.input)
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    makers = {node.output[0]: node for node in convolutions if len(node.input) == 3}
    return next(
        (makers[node.input[0]], node)
        for node in convolutions
        if node.input[0] in makers and reads[node.input[0]] == 1 and _group(node) == 1
    )


def _group(node: onnx.NodeProto) -> int:
    return next((each.i for each in node.attribute if each.name == "group"), 1)
