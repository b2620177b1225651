"""What the model answers to generated frames, kept in the ONNX file for the engines made of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.model_reference import REFERENCE_KEY, reference_of

from .metadata import write_entry

if TYPE_CHECKING:
    from onnx import ModelProto


def write_reference(model: ModelProto, path: Path) -> None:
    """Put into the model's metadata what ONNX Runtime answers, in place of what was there.

    path: a file of the same model.
    """
    with OnnxRuntimeBackend(path) as backend:
        write_entry(model, REFERENCE_KEY, reference_of(backend))
