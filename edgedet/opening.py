"""Open a trained model of any kind as a detector."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast

from edgedet.runtime.detector import Detector, open_detector, thresholds_for
from edgedet.runtime.errors import DeviceError, UsageError
from edgedet.runtime.lazy import require
from edgedet.runtime.onnx_model import open_onnx

if TYPE_CHECKING:
    from edgedet.models.protocol import DetectionModel
    from edgedet.runtime.detector import Backend

CUDA_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")
"""ONNX Runtime keeps the CPU for what CUDA lacks; a CUDA that does not start is an error."""
DEVICES = {".onnx": ("cpu", "cuda"), ".engine": ("cuda",)}
"""Suffix of an exported model -> where it runs, by default on the first."""


def is_engine(path: str | Path) -> bool:
    """Whether the file calls itself a TensorRT engine."""
    return Path(path).suffix.lower() == ".engine"


def resolved_device(path: str | Path, device: str) -> str:
    """Return ``device``, with ``auto`` replaced: a CUDA GPU for a checkpoint if PyTorch has one.

    An ONNX model runs on the CPU unless told otherwise: which GPU its engine wants is the
    user's choice. A TensorRT engine runs on CUDA only. Raises UsageError for a device of another
    kind, DeviceError for one that is not there.
    """
    return _torch_device(device) if _is_checkpoint(path) else _exported_device(path, device)


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
    ``max_detections`` None: the spec's. ``device``: ``auto``, ``cpu``, ``cuda``, for a
    checkpoint ``cuda:1`` as well. ``threads`` None: as many as the library thinks best; an
    engine takes none.

    Raises ModelError for a file that is no model, DeviceError for a device that is not there,
    UsageError for a value out of range.
    """
    where = resolved_device(path, device)
    if _is_checkpoint(path):
        backend = _torch_backend(Path(path), where, threads)
    elif where == "cpu" or is_engine(path):
        return open_detector(path, conf, iou, max_detections, threads)
    else:
        backend = open_onnx(path, threads, CUDA_PROVIDERS)
    return Detector(backend, thresholds_for(backend.spec, conf, iou, max_detections))


def _is_checkpoint(path: str | Path) -> bool:
    return Path(path).suffix.lower() == ".pt"


def _torch_backend(path: Path, device: str, threads: int | None) -> Backend:
    from edgedet.models.backend import TorchBackend
    from edgedet.training.checkpoint import model_from_checkpoint

    if threads is not None:
        _torch().set_num_threads(_at_least_one(threads))
    model = cast("DetectionModel", model_from_checkpoint(path, device))
    return TorchBackend(model, device)


def _at_least_one(threads: int) -> int:
    if threads < 1:
        raise UsageError("threads of at least 1", str(threads), "leave it out for all cores")
    return threads


def _exported_device(path: str | Path, device: str) -> str:
    """The first of the known ones is what ``auto`` means."""
    known = DEVICES.get(Path(path).suffix.lower(), ("cpu",))
    if device not in ("auto", *known):
        names = " or ".join(("auto", *known))
        raise UsageError(f"--device {names} for {path}", device, "choose one of them")
    return known[0] if device == "auto" else device


def _torch_device(name: str) -> str:
    torch = _torch()
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise _unknown_device(name) from error
    if device.type not in ("cpu", "cuda"):
        raise _unknown_device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        found = f"{torch.cuda.device_count()} CUDA devices"
        raise DeviceError(f"the device {name}", found, "use --device cpu")
    return name


def _unknown_device(name: str) -> UsageError:
    return UsageError("--device auto, cpu, cuda or cuda:1", name, "choose one of them")


def _torch() -> ModuleType:
    return require("torch", "run: pip install 'edgedet[train]', or give the exported .onnx")
