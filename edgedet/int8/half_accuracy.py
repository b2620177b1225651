"""What FP16 costs, beside which the cost of INT8 is to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgedet.export.half import half_precision
from edgedet.export.half_proof import rehearsal_backend
from edgedet.export.overflow import nodes_to_keep, scan_values
from edgedet.runtime.images import read_image

if TYPE_CHECKING:
    from pathlib import Path

    from onnx import ModelProto

    from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend


def half_backend(model: ModelProto, images: Sequence[Path]) -> OnnxRuntimeBackend:
    """Return a backend that computes as a GPU does in FP16.

    images: a few, on which what would overflow is found, and kept in FP32.
    """
    frames: Any = (read_image(path) for path in images)
    kept, _ = nodes_to_keep(model, scan_values(model, frames))
    return rehearsal_backend(half_precision(model, kept))
