"""The TensorRT that is installed, and what it can do: asked of it, never read off its version."""

from typing import Any, Dict, NamedTuple

from .lazy import require
from .tactic_sources import tries_libraries
from .tensorrt_log import new_log

TENSORRT, TENSORRT_RTX = "tensorrt", "tensorrt_rtx"
TITLES = {TENSORRT: "TensorRT", TENSORRT_RTX: "TensorRT-RTX"}
"""Module name -> the name people know it by."""
HINTS = {
    TENSORRT: "on a Jetson it is part of JetPack; elsewhere run: pip install 'edgedet[tensorrt]'",
    TENSORRT_RTX: "run: pip install 'edgedet[rtx]'",
}


class Capabilities(NamedTuple):
    """What differs between TensorRT 8.2, 8.4, 8.5, 8.6, 10, 11 and TensorRT-RTX."""

    explicit_batch_flag: bool
    """Networks take NetworkDefinitionCreationFlag.EXPLICIT_BATCH; 8.x refuses ONNX without it."""
    weakly_typed: bool
    """The builder chooses precisions, allowed by flags (8.2 to 10); else the graph says them."""
    layer_precision: bool
    """Single layers can be held in FP32 against such a flag."""
    workspace_pool: bool
    """Workspace by set_memory_pool_limit (8.4 on); before, by max_workspace_size."""
    progress: bool
    """A monitor is told of each step, and can cancel (10 on, RTX)."""
    compute_targets: bool
    """Builds for named compute capabilities, without a GPU (RTX)."""
    uint8: bool
    """Networks take uint8 (8.5 on)."""
    timing_cache: bool
    """Timings can be kept for the next build; RTX times nothing when it builds."""
    library_tactics: bool
    """Kernels of cuDNN and cuBLAS can be left out; 8.x tries them unless told, 10 only if told."""
    tensor_api: bool
    """Engines run on tensors known by name (8.5 on); before, on bindings known by index."""
    runtime_cache: bool
    """Kernels are made when the engine first runs, and can be kept for the next start (RTX)."""
    replays_graphs: bool
    """Runs are recorded and replayed as CUDA graphs by TensorRT itself (RTX 1.2 on)."""


class Flavour(NamedTuple):
    """One TensorRT, opened."""

    module: Any
    name: str
    """`TENSORRT` or `TENSORRT_RTX`."""
    version: str
    can: Capabilities
    log: Any
    """The process's only logger of this flavour, see `tensorrt_log`."""

    @property
    def title(self) -> str:
        """Name and version for people."""
        return "{} {}".format(TITLES[self.name], self.version)


_OPENED: Dict[str, Flavour] = {}


def open_flavour(name: str) -> Flavour:
    """Return `tensorrt` or `tensorrt_rtx`, imported; DeviceError that says how to get it."""
    module = require(name, HINTS[name])
    opened = _OPENED.get(name)
    if opened is None or opened.module is not module:
        # One logger for the whole process: TensorRT keeps the first that it is given, and
        # everything later would be logged there anyway.
        opened = Flavour(
            module, name, str(module.__version__), capabilities_of(module), new_log(module)
        )
        _OPENED[name] = opened
    return opened


def capabilities_of(trt: Any) -> Capabilities:
    """Return what this module offers, by the attributes that it has."""
    config, flag = trt.IBuilderConfig, trt.BuilderFlag
    compute_targets = hasattr(config, "num_compute_capabilities")
    return Capabilities(
        explicit_batch_flag=hasattr(trt.NetworkDefinitionCreationFlag, "EXPLICIT_BATCH"),
        weakly_typed=hasattr(flag, "FP16"),
        layer_precision=hasattr(flag, "OBEY_PRECISION_CONSTRAINTS"),
        workspace_pool=hasattr(config, "set_memory_pool_limit"),
        progress=hasattr(trt, "IProgressMonitor"),
        compute_targets=compute_targets,
        uint8=hasattr(trt.DataType, "UINT8"),
        timing_cache=hasattr(config, "create_timing_cache") and not compute_targets,
        library_tactics=tries_libraries(trt) and not compute_targets,
        tensor_api=hasattr(trt.ICudaEngine, "num_io_tensors"),
        runtime_cache=hasattr(trt, "IRuntimeCache"),
        replays_graphs=hasattr(trt, "CudaGraphStrategy"),
    )
