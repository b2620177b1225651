"""CUDA by pycuda, which users of JetPack have.

It keeps a stack of contexts of its own and wants ours on it. What it lacks goes to the driver by
ctypes: graphs, and giving up a primary context without leaving it on the thread.
"""

import re
from ctypes import byref, c_int, c_void_p
from types import TracebackType
from typing import TYPE_CHECKING, Any, List, Optional, Tuple, Type

import numpy as np

from .cuda_binding import Binding
from .cuda_errors import CudaError, NoGpuError, no_gpu
from .cuda_library import CudaLibrary, GraphCalls

if TYPE_CHECKING:
    from .cuda_buffers import HostBuffer

_ATTRIBUTES = {
    18: "INTEGRATED",
    75: "COMPUTE_CAPABILITY_MAJOR",
    76: "COMPUTE_CAPABILITY_MINOR",
}
_DEVICE = c_int(0)
_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING
_MESSAGE = re.compile(r"(\w+) failed: (.*)")


def open_binding() -> Binding:
    """Return the primary context of device 0; NoGpuError with the cause."""
    try:
        import pycuda.driver as driver
    # An old one under a new numpy fails with whatever its own code runs into.
    except Exception as error:
        raise NoGpuError("no pycuda ({})".format(error), "run: pip install pycuda") from error
    if not hasattr(driver.Device, "retain_primary_context"):
        raise NoGpuError("a pycuda without primary contexts", "take another binding, or update it")
    try:
        return _PycudaBinding(driver)
    except CudaError as error:
        raise no_gpu(error) from error


class _Told:
    """Turns pycuda's errors into ours."""

    def __init__(self, driver: Any, library: CudaLibrary) -> None:
        self._error, self._library = driver.Error, library

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if not isinstance(error, self._error):
            return
        found = _MESSAGE.match(str(error))
        call, text = found.groups() if found else ("of pycuda", str(error))
        raise CudaError(call, self._library.name_of(text)) from error


class _PycudaBinding(Binding):
    name = "pycuda"

    def __init__(self, driver: Any) -> None:
        self._cu = driver
        self._library = CudaLibrary()
        self._graphs = GraphCalls(self._library)
        self.can_capture = self._library.has_graphs
        self._errors = _Told(driver, self._library)
        with self._errors:
            driver.init()
            self._device = driver.Device(0)
            self._context = self._device.retain_primary_context()
        # Held twice, for the context has to outlive pycuda's way of giving it up.
        try:
            self._library.call("cuDevicePrimaryCtxRetain", byref(c_void_p()), _DEVICE)
        except CudaError:
            self._detach()
            raise

    def release(self) -> None:
        try:
            self._detach()
        finally:
            self._library.call("cuDevicePrimaryCtxRelease", _DEVICE)

    def _detach(self) -> None:
        """Make pycuda give up the context, which it leaves on the thread: take it from there."""
        call, before = self._library.call, c_void_p()
        with self._errors:
            outer = self._cu.Context.get_current()
            self._context.push()
            self._context.detach()
        if outer is not None:
            call("cuCtxPopCurrent", byref(before))
        call("cuCtxPopCurrent", byref(c_void_p()))
        if outer is not None:
            call("cuCtxPushCurrent", before)

    def push(self) -> None:
        with self._errors:
            self._context.push()

    def pop(self) -> None:
        with self._errors:
            self._cu.Context.pop()

    def device_name(self) -> str:
        with self._errors:
            return str(self._device.name())

    def attribute(self, which: int) -> int:
        with self._errors:
            kind = getattr(self._cu.device_attribute, _ATTRIBUTES[which])
            return int(self._device.get_attribute(kind))

    def memory_info(self) -> Tuple[int, int]:
        with self._errors:
            free, total = self._cu.mem_get_info()
        return int(free), int(total)

    def allocate(self, n_bytes: int) -> Tuple[Any, int]:
        with self._errors:
            token = self._cu.mem_alloc(n_bytes)
        return token, int(token)

    def free(self, token: Any) -> None:
        with self._errors:
            token.free()

    def allocate_host(self, n_bytes: int, mapped: bool) -> Tuple[Any, int, int]:
        flags = self._cu.host_alloc_flags.DEVICEMAP if mapped else 0
        with self._errors:
            array = self._cu.pagelocked_empty(n_bytes, np.uint8, mem_flags=flags)
        token, address = array.base, array.ctypes.data
        try:
            return token, address, self._device_address(token) if mapped else 0
        except CudaError:
            self.free_host(token)
            raise

    def _device_address(self, token: Any) -> int:
        with self._errors:
            return int(token.get_device_pointer())

    def free_host(self, token: Any) -> None:
        with self._errors:
            token.free()

    # pycuda frees streams and events with the last reference. Frames of an error's traceback hold
    # references, too, so tokens are lists of one, which are emptied.

    def create_stream(self) -> Tuple[List[Any], int]:
        with self._errors:
            stream = self._cu.Stream(_NON_BLOCKING)
        return [stream], int(stream.handle)

    def synchronize_stream(self, stream: List[Any]) -> None:
        with self._errors:
            stream[0].synchronize()

    def destroy_stream(self, stream: List[Any]) -> None:
        del stream[:]

    def copy_to_device(self, stream: List[Any], to: int, source: "HostBuffer") -> None:
        with self._errors:
            self._cu.memcpy_htod_async(to, source.array, stream[0])

    def copy_to_host(self, stream: List[Any], to: "HostBuffer", source: int) -> None:
        with self._errors:
            self._cu.memcpy_dtoh_async(to.array, source, stream[0])

    def create_event(self) -> List[Any]:
        with self._errors:
            return [self._cu.Event()]

    def record_event(self, event: List[Any], stream: List[Any]) -> None:
        with self._errors:
            event[0].record(stream[0])

    def synchronize_event(self, event: List[Any]) -> None:
        with self._errors:
            event[0].synchronize()

    def elapsed_ms(self, start: List[Any], end: List[Any]) -> float:
        with self._errors:
            return float(end[0].time_since(start[0]))

    def destroy_event(self, event: List[Any]) -> None:
        del event[:]

    def begin_capture(self, stream: List[Any]) -> None:
        self._graphs.begin(stream[0].handle)

    def end_capture(self, stream: List[Any]) -> Any:
        return self._graphs.end(stream[0].handle)

    def launch_graph(self, graph: Any, stream: List[Any]) -> None:
        self._graphs.launch(graph, stream[0].handle)

    def destroy_graph(self, graph: Any) -> None:
        self._graphs.destroy(graph)
