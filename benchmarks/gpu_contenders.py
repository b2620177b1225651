"""Who takes part in `gpu.py`, ONNX Runtime's CUDA provider and engines, and what is timed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import nn

from edgedet.export.from_torch import graph_from_torch
from edgedet.export.half_proof import proven_half, require_agreement
from edgedet.export.onnx_file import save_onnx
from edgedet.export.parity import compare_backends
from edgedet.export.parity_images import parity_images
from edgedet.export.uint8_input import with_uint8_input
from edgedet.models.registry import build_model
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.backend_tensorrt import TensorRtBackend
from edgedet.runtime.candidate_match import FP16_BOUNDS, Bounds
from edgedet.runtime.detector import Detector
from edgedet.runtime.engine_builder import engine_from_onnx
from edgedet.runtime.engine_file import EngineFacts
from edgedet.runtime.engine_options import EngineOptions
from edgedet.runtime.gpu_identity import Gpu
from edgedet.runtime.onnx_session import OnnxSession
from edgedet.runtime.postprocess import Thresholds
from edgedet.runtime.tensorrt_flavour import Flavour

Call = Callable[[], object]

CLASSES = ("unripe", "semi-ripe", "ripe")
CANDIDATES = 60
"""That pass the score threshold: about twenty objects, each found by three anchors."""
STREAMED = 16
PEER = "ONNX Runtime CUDA"
CUDA_PROVIDER = "CUDAExecutionProvider"
NETWORK, CALL, RESULT, STREAM = MEASURES = (
    "network on data that stays on the GPU",
    "engine call with its copies",
    "1080p frame to result",
    f"{STREAMED} frames streamed",
)


class CudaSession(OnnxSession):
    """ONNX Runtime's CUDA provider, whose `run_only` keeps input and outputs on the GPU."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, providers=(CUDA_PROVIDER, "CPUExecutionProvider"))

    def run_only(self) -> None:
        """Run on the batch that `run` was given last, and wait."""
        super().run_only()
        self._binding.synchronize_outputs()

    def _bind(self, values: NDArray[Any], names: tuple[str, ...]) -> Any:
        binding = self._session.io_binding()
        value = onnxruntime.OrtValue.ortvalue_from_numpy(values, "cuda", 0)
        binding.bind_ortvalue_input(self.inputs[0].name, value)
        for name in names:
            binding.bind_output(name, "cuda")
        return binding


def cuda_peer(path: Path) -> OnnxRuntimeBackend:
    """Open the file on ONNX Runtime's CUDA provider."""
    return OnnxRuntimeBackend(CudaSession(path))


@dataclass(frozen=True)
class Opened:
    """One backend that takes part."""

    name: str
    """`PEER`, or name and version of a TensorRT."""
    backend: Any
    facts: EngineFacts | None = None
    """Of the engine; None for the peer."""

    @property
    def engine(self) -> dict[str, object] | None:
        """What the results tell about the engine."""
        if self.facts is None:
            return None
        return {
            "mb": round(self.facts.plan_bytes / 1e6, 1),
            "build_seconds": round(self.facts.build_seconds, 1),
            "precision_used": self.facts.precision_used,
            "layers_fp16": self.facts.layers_fp16,
            "layers_fp32": self.facts.layers_fp32,
        }


@dataclass(frozen=True)
class Files:
    """One model in both precisions."""

    fp32: Path
    fp16: Path

    def of(self, precision: str) -> Path:
        """Return the graph whose tensors have that precision."""
        return self.fp16 if precision == "fp16" else self.fp32


def exported(name: str, side: int, folder: Path) -> Files:
    """Write the model with random weights, and its FP16 form."""
    torch.manual_seed(0)
    model = build_model(name, CLASSES, {"imgsz": side})
    assert isinstance(model, nn.Module)
    files = Files(folder / f"{name}.onnx", folder / f"{name}.fp16.onnx")
    save_onnx(with_uint8_input(graph_from_torch(model.eval())), files.fp32)
    half = proven_half(files.fp32, lambda: parity_images((side, side)))
    save_onnx(half.graph, files.fp16)
    return files


def engine_backend(files: Files, precision: str, flavour: Flavour, gpu: Gpu) -> Opened:
    """Build the engine, or take it from the cache, and open it."""
    source = files.fp32 if flavour.can.weakly_typed else files.of(precision)
    targets = (gpu.compute_capability,) if flavour.can.compute_targets else ()
    engine = source.with_name(f"{source.stem}.{flavour.name}.{precision}.engine")
    facts = engine_from_onnx(source, engine, flavour, EngineOptions(precision, targets))
    return Opened(flavour.title, TensorRtBackend(engine), facts)


def require_agreeing(opened: Opened, files: Files, bounds: Bounds = FP16_BOUNDS) -> None:
    """Raise ModelError unless it says what ONNX Runtime says on the CPU: else no speed counts."""
    with OnnxRuntimeBackend(files.fp32) as reference:
        frames = parity_images(opened.backend.spec.size_hw)
        require_agreement(compare_backends(reference, opened.backend, frames, bounds))


def at_sixty(backend: Any, frame: NDArray[np.uint8]) -> Detector:
    """Return a detector with the score threshold at which sixty candidates pass.

    Random scores lie close together: at a fixed threshold all or none would reach NMS.
    """
    probe = Detector(backend)
    scores = probe.infer(probe.preprocess(frame)[0])[1][0]
    spec = backend.spec
    least = float(scores[min(CANDIDATES, len(scores)) - 1])
    return Detector(backend, Thresholds(least, spec.nms_iou, spec.max_detections))


def calls_of(backend: Any, frame: NDArray[np.uint8]) -> dict[str, Call]:
    """Return what is timed of one backend, by measure."""
    detector = at_sixty(backend, frame)
    batch, _ = detector.preprocess(frame)
    detector.infer(batch)  # what run_only repeats
    return {
        NETWORK: backend.run_only,
        CALL: partial(detector.infer, batch),
        RESULT: partial(detector, frame),
        STREAM: lambda: list(detector.stream([frame] * STREAMED)),
    }
