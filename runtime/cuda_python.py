"""CUDA by cuda-python, NVIDIA's own binding, for desktops and JetPack 5 on."""

import importlib
from typing import TYPE_CHECKING, Any, Tuple

from .cuda_binding import Binding
from .cuda_errors import CudaError, NoGpuError, no_driver, no_gpu

if TYPE_CHECKING:
    from .cuda_buffers import HostBuffer

_MODULES = ("cuda.bindings.driver", "cuda.cuda")
"""The driver API since 12.3, and before."""
_NAME_BYTES = 256
_MAPPED = 2  # CU_MEMHOSTALLOC_DEVICEMAP
_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING


def open_binding() -> Binding:
    """Return the primary context of device 0; NoGpuError with the cause."""
    try:
        return _CudaPythonBinding(_driver())
    except CudaError as error:
        raise no_gpu(error) from error


def _driver() -> Any:
    """Return the module of the driver API; NoGpuError without it."""
    cause: Exception = ImportError()
    for module in _MODULES:
        try:
            return importlib.import_module(module)
        except (ImportError, OSError, RuntimeError) as error:
            cause = error
    raise NoGpuError("no cuda-python ({})".format(cause), "run: pip install cuda-python")


class _CudaPythonBinding(Binding):
    name = "cuda-python"

    def __init__(self, driver: Any) -> None:
        self._cu = driver
        try:
            self._call("cuInit", 0)
        except RuntimeError as error:  # the library is looked for at the first call
            raise no_driver(error) from error
        self._device = self._call("cuDeviceGet", 0)
        self._context = self._call("cuDevicePrimaryCtxRetain", self._device)
        self._mode = driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        self.can_capture = True

    def _call(self, function: str, *arguments: Any) -> Any:
        """Return what a function gives besides its code: nothing, one thing, or a tuple."""
        code, *results = getattr(self._cu, function)(*arguments)
        if int(code):
            raise CudaError(function, getattr(code, "name", "CUDA error {}".format(code)))
        return results[0] if len(results) == 1 else tuple(results)

    def release(self) -> None:
        self._call("cuDevicePrimaryCtxRelease", self._device)

    def push(self) -> None:
        self._call("cuCtxPushCurrent", self._context)

    def pop(self) -> None:
        self._call("cuCtxPopCurrent")

    def device_name(self) -> str:
        name = self._call("cuDeviceGetName", _NAME_BYTES, self._device)
        return str(name.split(b"\0")[0].decode("utf-8", "replace"))

    def attribute(self, which: int) -> int:
        kind = self._cu.CUdevice_attribute(which)
        return int(self._call("cuDeviceGetAttribute", kind, self._device))

    def memory_info(self) -> Tuple[int, int]:
        free, total = self._call("cuMemGetInfo")
        return int(free), int(total)

    def allocate(self, n_bytes: int) -> Tuple[Any, int]:
        address = self._call("cuMemAlloc", n_bytes)
        return address, int(address)

    def free(self, token: Any) -> None:
        self._call("cuMemFree", token)

    def allocate_host(self, n_bytes: int, mapped: bool) -> Tuple[Any, int, int]:
        host = int(self._call("cuMemHostAlloc", n_bytes, _MAPPED if mapped else 0))
        if not mapped:
            return host, host, 0
        try:
            return host, host, int(self._call("cuMemHostGetDevicePointer", host, 0))
        except CudaError:
            self.free_host(host)
            raise

    def free_host(self, token: Any) -> None:
        self._call("cuMemFreeHost", token)

    def create_stream(self) -> Tuple[Any, int]:
        stream = self._call("cuStreamCreate", _NON_BLOCKING)
        return stream, int(stream)

    def synchronize_stream(self, stream: Any) -> None:
        self._call("cuStreamSynchronize", stream)

    def destroy_stream(self, stream: Any) -> None:
        self._call("cuStreamDestroy", stream)

    def copy_to_device(self, stream: Any, to: int, source: "HostBuffer") -> None:
        self._call("cuMemcpyHtoDAsync", to, source.address, source.n_bytes, stream)

    def copy_to_host(self, stream: Any, to: "HostBuffer", source: int) -> None:
        self._call("cuMemcpyDtoHAsync", to.address, source, to.n_bytes, stream)

    def create_event(self) -> Any:
        return self._call("cuEventCreate", 0)

    def record_event(self, event: Any, stream: Any) -> None:
        self._call("cuEventRecord", event, stream)

    def synchronize_event(self, event: Any) -> None:
        self._call("cuEventSynchronize", event)

    def elapsed_ms(self, start: Any, end: Any) -> float:
        return float(self._call("cuEventElapsedTime", start, end))

    def destroy_event(self, event: Any) -> None:
        self._call("cuEventDestroy", event)

    def begin_capture(self, stream: Any) -> None:
        self._call("cuStreamBeginCapture", stream, self._mode)

    def end_capture(self, stream: Any) -> Any:
        graph = self._call("cuStreamEndCapture", stream)
        try:
            return self._instantiate(graph), graph
        except CudaError:
            self._call("cuGraphDestroy", graph)
            raise

    def _instantiate(self, graph: Any) -> Any:
        if hasattr(self._cu, "cuGraphInstantiateWithFlags"):  # 11.4 to 12
            return self._call("cuGraphInstantiateWithFlags", graph, 0)
        return self._call("cuGraphInstantiate", graph, 0)

    def launch_graph(self, graph: Any, stream: Any) -> None:
        self._call("cuGraphLaunch", graph[0], stream)

    def destroy_graph(self, graph: Any) -> None:
        try:
            self._call("cuGraphExecDestroy", graph[0])
        finally:
            self._call("cuGraphDestroy", graph[1])
