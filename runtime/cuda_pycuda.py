"""CUDA by pycuda, which users of JetPack have. It has no graphs: those go through ctypes."""

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Iterator, Tuple

import numpy as np

from .cuda_binding import Binding
from .cuda_errors import OUT_OF_MEMORY, CudaError, NoGpuError, no_gpu
from .cuda_library import CudaLibrary, GraphCalls

if TYPE_CHECKING:
    from .cuda_buffers import HostBuffer

_ATTRIBUTES = {
    18: "INTEGRATED",
    75: "COMPUTE_CAPABILITY_MAJOR",
    76: "COMPUTE_CAPABILITY_MINOR",
}
_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING
_MESSAGE = re.compile(r"(\w+) failed: (.*)")


def open_binding() -> Binding:
    """Return the primary context of device 0; NoGpuError with the cause."""
    try:
        import pycuda.driver as driver
    except (ImportError, OSError) as error:
        raise NoGpuError("no pycuda ({})".format(error), "run: pip install pycuda") from error
    if not hasattr(driver.Device, "retain_primary_context"):
        raise NoGpuError("a pycuda without primary contexts", "take another binding, or update it")
    try:
        return _PycudaBinding(driver)
    except CudaError as error:
        raise no_gpu(error) from error


class _PycudaBinding(Binding):
    name = "pycuda"

    def __init__(self, driver: Any) -> None:
        self._cu = driver
        library = CudaLibrary()
        self._graphs = GraphCalls(library)
        self.can_capture = library.has_graphs
        with self._told():
            driver.init()
            self._device = driver.Device(0)
            self._context = self._device.retain_primary_context()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn pycuda's errors into ours."""
        try:
            yield
        except self._cu.Error as error:
            found = _MESSAGE.match(str(error))
            call, cause = found.groups() if found else ("of pycuda", str(error))
            name = OUT_OF_MEMORY if isinstance(error, self._cu.MemoryError) else cause
            raise CudaError(call, name) from error

    def release(self) -> None:
        with self._told():
            self._context.detach()

    def push(self) -> None:
        with self._told():
            self._context.push()

    def pop(self) -> None:
        with self._told():
            self._cu.Context.pop()

    def device_name(self) -> str:
        with self._told():
            return str(self._device.name())

    def attribute(self, which: int) -> int:
        with self._told():
            kind = getattr(self._cu.device_attribute, _ATTRIBUTES[which])
            return int(self._device.get_attribute(kind))

    def memory_info(self) -> Tuple[int, int]:
        with self._told():
            free, total = self._cu.mem_get_info()
        return int(free), int(total)

    def allocate(self, n_bytes: int) -> Tuple[Any, int]:
        with self._told():
            token = self._cu.mem_alloc(n_bytes)
        return token, int(token)

    def free(self, token: Any) -> None:
        with self._told():
            token.free()

    def allocate_host(self, n_bytes: int, mapped: bool) -> Tuple[Any, int, int]:
        flags = self._cu.host_alloc_flags.DEVICEMAP if mapped else 0
        with self._told():
            array = self._cu.pagelocked_empty(n_bytes, np.uint8, mem_flags=flags)
            token, address = array.base, array.ctypes.data
            return token, address, int(token.get_device_pointer()) if mapped else 0

    def free_host(self, token: Any) -> None:
        with self._told():
            token.free()

    def create_stream(self) -> Tuple[Any, int]:
        with self._told():
            stream = self._cu.Stream(_NON_BLOCKING)
        return stream, int(stream.handle)

    def synchronize_stream(self, stream: Any) -> None:
        with self._told():
            stream.synchronize()

    def destroy_stream(self, stream: Any) -> None:
        """Nothing to call: pycuda does it when the last reference goes, that of the caller."""

    def copy_to_device(self, stream: Any, to: int, source: "HostBuffer") -> None:
        with self._told():
            self._cu.memcpy_htod_async(to, source.array, stream)

    def copy_to_host(self, stream: Any, to: "HostBuffer", source: int) -> None:
        with self._told():
            self._cu.memcpy_dtoh_async(to.array, source, stream)

    def create_event(self) -> Any:
        with self._told():
            return self._cu.Event()

    def record_event(self, event: Any, stream: Any) -> None:
        with self._told():
            event.record(stream)

    def synchronize_event(self, event: Any) -> None:
        with self._told():
            event.synchronize()

    def elapsed_ms(self, start: Any, end: Any) -> float:
        with self._told():
            return float(end.time_since(start))

    def destroy_event(self, event: Any) -> None:
        """Nothing to call, as for streams."""

    def begin_capture(self, stream: Any) -> None:
        self._graphs.begin(stream.handle)

    def end_capture(self, stream: Any) -> Any:
        return self._graphs.end(stream.handle)

    def launch_graph(self, graph: Any, stream: Any) -> None:
        self._graphs.launch(graph, stream.handle)

    def destroy_graph(self, graph: Any) -> None:
        self._graphs.destroy(graph)
