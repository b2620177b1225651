"""What FP16 changes, computed on a CPU.

ONNX Runtime has no FP16 kernels for x86: it computes such a graph in FP32 and rounds nothing in
between, so that even an overflow goes unseen (measured with 1.31). Here each tensor that the graph
holds in FP16 is rounded to FP16, by a pair of casts that it does keep. Sums inside an operator stay
FP32, as tensor cores keep them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgedet.calibration.tensors import inferred_types
from edgedet.runtime.lazy import require

from .half import FLOAT, FLOAT16, elem_types
from .onnx_file import INSTALL_ONNX

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto


def rehearsal_of(half: ModelProto) -> ModelProto:
    """Return an FP32 graph that gives what the FP16 graph `half` gives on a GPU, but for the order
    of sums.
    """
    onnx = require("onnx", INSTALL_ONNX)
    types = elem_types(inferred_types(half).graph)
    halves = {name for name, kind in types.items() if kind == FLOAT16}
    played = type(half)()
    played.CopyFrom(half)
    del played.graph.node[:]
    for node in half.graph.node:
        played.graph.node.extend(_rounded(node, halves))
    for tensor in played.graph.initializer:
        if tensor.data_type == FLOAT16:
            value = onnx.numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(value, tensor.name))
    del played.graph.value_info[:]
    return played


def _rounded(node: NodeProto, halves: set[str]) -> list[NodeProto]:
    """Return the node computing in FP32, and behind it the rounding of what it makes in FP16."""
    onnx = require("onnx", INSTALL_ONNX)
    played = type(node)()
    played.CopyFrom(node)
    nodes = [played]
    for place, name in enumerate(node.output):
        if name not in halves:
            continue
        exact, rounded = f"{name}//exact", f"{name}//rounded"  # no exporter's names
        played.output[place] = exact
        nodes.append(onnx.helper.make_node("Cast", [exact], [rounded], to=FLOAT16))
        nodes.append(onnx.helper.make_node("Cast", [rounded], [name], to=FLOAT))
    if node.op_type == "Cast" and node.output[0] in halves:
        next(entry for entry in played.attribute if entry.name == "to").i = FLOAT
    return nodes
