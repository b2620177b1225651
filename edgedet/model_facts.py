"""What `edgedet info` tells about a model file, without running it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgedet.export.checks import dims_of, opset_of
from edgedet.export.metadata import sha256_of, spec_text
from edgedet.export.onnx_file import INSTALL_ONNX, load_onnx
from edgedet.runtime.errors import ModelError
from edgedet.runtime.lazy import require
from edgedet.runtime.spec import spec_from_json, spec_to_json

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto

SCHEMA_VERSION = 1
LEARNED_OPS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators whose constants are weights and biases."""
TRAINING_KEYS = ("epoch", "step", "best", "data_fingerprint")
"""What a checkpoint tells about its training, when it does."""


def model_facts(path: Path) -> dict[str, Any]:
    """Return plain values, ready for JSON, about a checkpoint (.pt) or an ONNX file.

    `spec` is None for an ONNX file that edgedet did not write. Raises ModelError for a file that
    is missing, damaged, or neither of the two.
    """
    readers = {".pt": _checkpoint_facts, ".onnx": _onnx_facts}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ModelError("a .pt or .onnx file", str(path), "name a checkpoint or an exported model")
    facts = reader(path)
    general = {"file": str(path), "bytes": path.stat().st_size, "sha256": sha256_of(path)}
    return {"schema_version": SCHEMA_VERSION, **general, **facts}


def _onnx_facts(path: Path) -> dict[str, Any]:
    model = load_onnx(path)
    text = spec_text(model)
    constants = {tensor.name for tensor in model.graph.initializer}
    return {
        "kind": "onnx",
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
        "opset": opset_of(model),
        "ir_version": model.ir_version,
        "nodes": len(model.graph.node),
        "parameters": _learned_values(model),
        "inputs": [_tensor(v) for v in model.graph.input if v.name not in constants],
        "outputs": [_tensor(value) for value in model.graph.output],
        "spec": None if text is None else _plain_spec(text),
    }


def _checkpoint_facts(path: Path) -> dict[str, Any]:
    from edgedet.training.checkpoint import load_checkpoint, model_from_checkpoint

    state = load_checkpoint(path)
    model = model_from_checkpoint(path)
    return {
        "kind": "checkpoint",
        "model": state["builder"],
        "options": state["options"],
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "averaged_weights": state["ema"] is not None,
        "training": {key: _finite(state[key]) for key in TRAINING_KEYS if key in state},
        "spec": _plain_spec(state["spec"]),
    }


def _finite(value: Any) -> Any:
    """`value` without nan and infinities, which JSON does not know."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain_spec(text: str) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads(spec_to_json(spec_from_json(text)))
    return spec


def _learned_values(model: ModelProto) -> int:
    """Count the weights and biases; normalisation is folded into them by the export."""
    nodes = [node for node in model.graph.node if node.op_type in LEARNED_OPS]
    names = {name for node in nodes for name in node.input}
    sizes = [tensor.dims for tensor in model.graph.initializer if tensor.name in names]
    return sum(int(np.prod(dims, dtype=np.int64)) for dims in sizes)


def _tensor(value: ValueInfoProto) -> dict[str, Any]:
    helper = require("onnx", INSTALL_ONNX).helper
    dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
    return {"name": value.name, "dtype": str(dtype), "shape": list(dims_of(value))}
