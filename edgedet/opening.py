"""Open a trained model of any kind as a detector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.detector import Detector, open_detector, thresholds_for
from edgedet.runtime.errors import DeviceError, UsageError
from edgedet.runtime.lazy import require

if TYPE_CHECKING:
    from edgedet.models.protocol import DetectionModel
    from edgedet.runtime.detector import Backend

CUDA_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")
"""ONNX Runtime keeps the CPU for what CUDA lacks; a CUDA that does not start is an error."""


def open_any(
    path: str | Path,
    conf: float | None = None,
    iou: float | None = None,
    max_detections: int | None = None,
    device: str = "cpu",
    threads: int | None = None,
) -> Detector:
    """Open a checkpoint (``.pt``) through PyTorch and anything else through the runtime.

    Both go through the same preprocessing and postprocessing. ``conf``, ``iou`` (0..1) and
    ``max_detections`` None: the spec's. ``device``: ``cpu``, ``cuda`` or ``cuda:1``. ``threads``
    None: as many as the library thinks best.

    Raises ModelError for a file that is no model, DeviceError for a device that is not there,
    UsageError for a value out of range.
    """
    if Path(path).suffix.lower() == ".pt":
        backend = _torch_backend(Path(path), device, threads)
    elif device == "cpu":
        return open_detector(path, conf, iou, max_detections, threads)
    elif device == "cuda" and Path(path).suffix.lower() == ".onnx":
        backend = OnnxRuntimeBackend(path, threads=threads, providers=CUDA_PROVIDERS)
    else:
        raise UsageError("--device cpu or cuda for this model", device, "choose one of the two")
    return Detector(backend, thresholds_for(backend.spec, conf, iou, max_detections))


def _torch_backend(path: Path, device: str, threads: int | None) -> Backend:
    torch = require("torch", "run: pip install 'edgedet[train]', or give the exported .onnx")
    from edgedet.models.backend import TorchBackend
    from edgedet.training.checkpoint import model_from_checkpoint

    where = _torch_device(device)
    if threads is not None:
        if threads < 1:
            raise UsageError("threads of at least 1", str(threads), "leave it out for all cores")
        torch.set_num_threads(threads)
    model = cast("DetectionModel", model_from_checkpoint(path, where))
    return TorchBackend(model, where)


def _torch_device(name: str) -> str:
    import torch

    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError("--device cpu, cuda or cuda:1", name, "choose one of them") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        found = f"{torch.cuda.device_count()} CUDA devices"
        raise DeviceError(f"the device {name}", found, "use --device cpu")
    return name
