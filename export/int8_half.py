"""INT8 with FP16 around it, for TensorRT 11 and TensorRT-RTX: there what is not INT8 is computed in
the type that the graph says, and FP32 is the slowest of all.

TensorRT 8 to 10 take the same from the flag FP16 beside INT8, and need no other graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgedet.calibration.layers import constants_of
from edgedet.runtime.errors import ModelError
from edgedet.runtime.lazy import require
from edgedet.runtime.spec import MIXED

from .checks import opset_of
from .half import half_precision
from .metadata import read_spec, spec_text, with_provenance, write_spec
from .onnx_file import INSTALL_ONNX
from .overflow import Scan, nodes_to_keep

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET, IR_VERSION = 19, 9
"""The first whose Q/DQ compute in FP16. Below it each layer would be wrapped in casts to FP32."""
LEAST_SCALE = float(np.finfo(np.float16).smallest_normal)
"""A smaller scale has fewer than 11 bits in FP16: its Q/DQ stay FP32."""
QUANTISING_OPS = ("QuantizeLinear", "DequantizeLinear")


def with_half_around(model: ModelProto, scan: Scan | None = None) -> ModelProto:
    """Return a copy of a model in INT8 (`calibration.qdq.qdq_model`, form `tensorrt`) that computes
    all else in FP16, boxes and scores excepted. The spec's provenance says so.

    scan: of the FP32 model; what is too large for FP16 stays FP32.

    The copy has opset 19. Raises ModelError for a graph without INT8, or with FP16 in it already.
    """
    if not any(node.op_type == "DequantizeLinear" for node in model.graph.node):
        fix = "give it scales first, or ask for FP16"
        raise ModelError("a graph with INT8 in it", "one without", fix)
    raised = _raised(model)
    large = set() if scan is None else nodes_to_keep(raised, scan)[0]
    mixed = half_precision(raised, _with_small_scales(raised) | large)
    if spec_text(mixed) is not None:
        write_spec(mixed, with_provenance(read_spec(mixed), {"precision": MIXED}))
    return mixed


def _raised(model: ModelProto) -> ModelProto:
    """A copy of at least the opset whose Q/DQ know FP16; nodes stay in their order."""
    if opset_of(model) >= OPSET:
        return model
    onnx = require("onnx", INSTALL_ONNX)
    raised: ModelProto = onnx.version_converter.convert_version(model, OPSET)
    raised.ir_version = max(raised.ir_version, IR_VERSION)
    return raised


def _with_small_scales(model: ModelProto) -> set[int]:
    """Return the indices of the nodes that quantise, or come of codes, by a scale too small."""
    constants = constants_of(model.graph)
    return {
        index
        for index, node in enumerate(model.graph.node)
        if node.op_type in QUANTISING_OPS
        and np.min(np.asarray(constants[node.input[1]], np.float32)) < LEAST_SCALE
    }
