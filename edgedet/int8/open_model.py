"""A graph in memory as a backend."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from edgedet.export.onnx_file import save_onnx
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend

if TYPE_CHECKING:
    from onnx import ModelProto


def open_model(model: ModelProto) -> OnnxRuntimeBackend:
    """Return a backend that runs `model` on the CPU; ModelError when it is none of ours."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        save_onnx(model, path)
        return OnnxRuntimeBackend(path)
