"""CUDA by ctypes: nothing but the driver is needed, and nothing has to be compiled."""

from ctypes import byref, c_float, c_int, c_size_t, c_uint64, c_void_p, create_string_buffer
from typing import TYPE_CHECKING, Any, Tuple

from .cuda_binding import Binding
from .cuda_errors import CudaError, no_gpu
from .cuda_library import CudaLibrary, GraphCalls

if TYPE_CHECKING:
    from .cuda_buffers import HostBuffer

_NAME_BYTES = 256
_MAPPED = 2  # CU_MEMHOSTALLOC_DEVICEMAP
_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING


def open_binding() -> Binding:
    """Return the primary context of device 0; NoGpuError with the cause."""
    return _CtypesBinding()


class _CtypesBinding(Binding):
    name = "ctypes"

    def __init__(self) -> None:
        library = CudaLibrary()
        self._call = library.call
        self._graphs = GraphCalls(library)
        self.can_capture = library.has_graphs
        self._device, self._context = c_int(), c_void_p()
        try:
            self._call("cuInit", 0)
            self._call("cuDeviceGet", byref(self._device), 0)
            self._call("cuDevicePrimaryCtxRetain", byref(self._context), self._device)
        except CudaError as error:
            raise no_gpu(error) from error

    def release(self) -> None:
        self._call("cuDevicePrimaryCtxRelease", self._device)

    def push(self) -> None:
        self._call("cuCtxPushCurrent", self._context)

    def pop(self) -> None:
        self._call("cuCtxPopCurrent", byref(c_void_p()))

    def device_name(self) -> str:
        name = create_string_buffer(_NAME_BYTES)
        self._call("cuDeviceGetName", name, _NAME_BYTES, self._device)
        return name.value.decode("utf-8", "replace")

    def attribute(self, which: int) -> int:
        value = c_int()
        self._call("cuDeviceGetAttribute", byref(value), which, self._device)
        return value.value

    def memory_info(self) -> Tuple[int, int]:
        free, total = c_size_t(), c_size_t()
        self._call("cuMemGetInfo", byref(free), byref(total))
        return free.value, total.value

    def allocate(self, n_bytes: int) -> Tuple[int, int]:
        address = c_uint64()
        self._call("cuMemAlloc", byref(address), n_bytes)
        return address.value, address.value

    def free(self, token: int) -> None:
        self._call("cuMemFree", token)

    def allocate_host(self, n_bytes: int, mapped: bool) -> Tuple[int, int, int]:
        host = c_void_p()
        self._call("cuMemHostAlloc", byref(host), n_bytes, _MAPPED if mapped else 0)
        address = host.value or 0
        try:
            return address, address, self._device_address(address) if mapped else 0
        except CudaError:
            self.free_host(address)
            raise

    def _device_address(self, host: int) -> int:
        address = c_uint64()
        self._call("cuMemHostGetDevicePointer", byref(address), host, 0)
        return address.value

    def free_host(self, token: int) -> None:
        self._call("cuMemFreeHost", token)

    def create_stream(self) -> Tuple[int, int]:
        stream = c_void_p()
        self._call("cuStreamCreate", byref(stream), _NON_BLOCKING)
        return stream.value or 0, stream.value or 0

    def synchronize_stream(self, stream: int) -> None:
        self._call("cuStreamSynchronize", stream)

    def destroy_stream(self, stream: int) -> None:
        self._call("cuStreamDestroy", stream)

    def copy_to_device(self, stream: int, to: int, source: "HostBuffer") -> None:
        self._call("cuMemcpyHtoDAsync", to, source.address, source.n_bytes, stream)

    def copy_to_host(self, stream: int, to: "HostBuffer", source: int) -> None:
        self._call("cuMemcpyDtoHAsync", to.address, source, to.n_bytes, stream)

    def create_event(self) -> c_void_p:
        event = c_void_p()
        self._call("cuEventCreate", byref(event), 0)
        return event

    def record_event(self, event: c_void_p, stream: int) -> None:
        self._call("cuEventRecord", event, stream)

    def synchronize_event(self, event: c_void_p) -> None:
        self._call("cuEventSynchronize", event)

    def elapsed_ms(self, start: c_void_p, end: c_void_p) -> float:
        value = c_float()
        self._call("cuEventElapsedTime", byref(value), start, end)
        return value.value

    def destroy_event(self, event: c_void_p) -> None:
        self._call("cuEventDestroy", event)

    def begin_capture(self, stream: int) -> None:
        self._graphs.begin(stream)

    def end_capture(self, stream: int) -> Any:
        return self._graphs.end(stream)

    def launch_graph(self, graph: Any, stream: int) -> None:
        self._graphs.launch(graph, stream)

    def destroy_graph(self, graph: Any) -> None:
        self._graphs.destroy(graph)
