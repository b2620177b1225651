"""Does the FP16 form of a model say what the FP32 form says? Proven before an engine is made."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edgedet.calibration.layers import tail_of
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.candidate_match import FP16_BOUNDS, MAX_DIFFERENT_SHARE
from edgedet.runtime.errors import ModelError

from .half import half_precision
from .onnx_file import load_onnx, save_onnx
from .overflow import Overflow, nodes_to_keep, scan_values
from .parity import Parity, compare_backends
from .rehearsal import rehearsal_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnx import ModelProto

    Frames = Callable[[], Iterable[NDArray[np.uint8]]]


class Half(NamedTuple):
    """An FP16 graph, and what speaks for it."""

    graph: ModelProto
    parity: Parity
    """Of the FP16 rehearsal to the FP32 model."""
    nodes: int
    """Of the FP32 graph."""
    nodes_fp32: int
    """Of these, kept in FP32."""
    overflows: tuple[Overflow, ...]
    """Because of these, besides those that make boxes and scores."""


def proven_half(path: Path, frames: Frames) -> Half:
    """Convert the FP32 model at `path` and compare both, in FP16 arithmetic, on the frames.

    frames: gives the same frames [H, W, 3] uint8 BGR each time it is called. Raises ModelError
    when the two do not agree.
    """
    with OnnxRuntimeBackend(path) as reference:  # first: what is no model of ours is told
        model = load_onnx(path)
        kept, overflows = nodes_to_keep(model, scan_values(model, frames()))
        half = half_precision(model, kept)
        with rehearsal_backend(half) as rehearsal:
            parity = compare_backends(reference, rehearsal, frames(), FP16_BOUNDS)
    require_agreement(parity)
    fp32 = len(kept | tail_of(model.graph))
    return Half(half, parity, len(model.graph.node), fp32, tuple(overflows))


def rehearsal_backend(half: ModelProto) -> OnnxRuntimeBackend:
    """Open the FP16 graph as a backend that rounds as a GPU does; see `rehearsal_of`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rehearsal.onnx"
        save_onnx(rehearsal_of(half), path)
        return OnnxRuntimeBackend(path)


def require_agreement(parity: Parity) -> None:
    """Raise ModelError when more candidates differ than rounding to FP16 explains."""
    allowed = MAX_DIFFERENT_SHARE * 2 * parity.candidates
    if parity.different <= allowed and parity.matched:
        return
    raise ModelError(
        f"the FP16 model to agree with FP32 within {parity.bounds.box_px} px and "
        f"{parity.bounds.score} in score, but for {MAX_DIFFERENT_SHARE:.1%} of the candidates",
        f"{parity.different} of {2 * parity.candidates} that differ",
        "build the engine with --precision fp32",
    )
