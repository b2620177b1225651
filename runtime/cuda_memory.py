"""The GPU's memory and streams, as little of CUDA as running an engine takes.

Three bindings do the same calls of the CUDA driver API: pycuda, cuda-python, or ctypes, which needs
nothing but the driver. All use the primary context of the first GPU, the one in which TensorRT and
the CUDA runtime work, and never make one of their own.
"""

import os
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple, TypeVar

from . import cuda_ctypes, cuda_pycuda, cuda_python
from .closing import Closing
from .cuda_buffers import DeviceBuffer, HostBuffer, n_bytes_of
from .cuda_errors import OUT_OF_MEMORY, CudaError, NoGpuError, out_of_memory
from .cuda_stream import Current, Event, Graph, Stream
from .errors import DeviceError, UsageError
from .gpu_identity import load_kernels_lazily

if TYPE_CHECKING:
    from .cuda_binding import Binding

__all__ = [
    "Cuda",
    "CudaError",
    "DeviceBuffer",
    "Event",
    "Graph",
    "HostBuffer",
    "NoGpuError",
    "Stream",
    "open_cuda",
]

_Held = TypeVar("_Held")

VARIABLE = "EDGEDET_CUDA"
"""Environment: the binding to take, instead of the first that works."""
# CUdevice_attribute of cuda.h, the same in all versions.
_INTEGRATED, _MAJOR, _MINOR = 18, 75, 76
_BINDINGS: Dict[str, Callable[[], "Binding"]] = {
    "pycuda": cuda_pycuda.open_binding,
    "cuda-python": cuda_python.open_binding,
    "ctypes": cuda_ctypes.open_binding,
}
"""In the order in which they are tried."""


def open_cuda(binding: Optional[str] = None) -> "Cuda":
    """Return the first GPU, opened through `binding`, the variable's, or the first that works.

    NoGpuError with the cause where there is none; UsageError for a binding that is none.
    """
    wanted = binding or os.environ.get(VARIABLE)
    if wanted is not None and wanted not in _BINDINGS:
        raise UsageError("a CUDA binding of " + ", ".join(_BINDINGS), repr(wanted), "name one")
    load_kernels_lazily()
    names = [wanted] if wanted else list(_BINDINGS)
    for name in names[:-1]:
        try:
            return Cuda(_BINDINGS[name]())
        except NoGpuError:
            continue  # the last needs the least, so that its cause is the true one
    return Cuda(_BINDINGS[names[-1]]())


class Cuda(Closing):
    """One GPU's primary context, with all that was made in it; a context manager.

    May be used from any thread, by one at a time. Everything it made is freed by `close`.
    """

    def __init__(self, binding: "Binding") -> None:
        """binding: just opened; it is released when this fails."""
        self._binding = binding
        self._held: List[Any] = []
        self._closed = False
        try:
            self.device_name = binding.device_name()
            numbers = (binding.attribute(_MAJOR), binding.attribute(_MINOR))
            self.integrated = bool(binding.attribute(_INTEGRATED))
        except DeviceError:
            self._closed = True  # `__del__` comes for it, too
            binding.release()
            raise
        self.compute_capability = "{}.{}".format(*numbers)

    @property
    def name(self) -> str:
        """The binding: `pycuda`, `cuda-python` or `ctypes`."""
        return self._binding.name

    @property
    def can_capture(self) -> bool:
        """Whether streams can be captured into graphs."""
        return self._binding.can_capture

    def current(self) -> Current:
        """Return a context manager that makes this the context of the calling thread.

        For others' code, as TensorRT's, which works in the thread's context; what is here does it
        by itself.
        """
        return Current(self._binding)

    def device_buffer(self, n_bytes: int) -> DeviceBuffer:
        """Return `n_bytes` of the GPU's memory; CudaError with the sizes when there is less."""
        with self.current():
            try:
                token, address = self._binding.allocate(n_bytes)
            except CudaError as error:
                raise self._told(error, n_bytes) from error
            return self._kept(DeviceBuffer(self, token, address, n_bytes))

    def host_buffer(self, shape: Tuple[int, ...], dtype: Any, mapped: bool = False) -> HostBuffer:
        """Return page-locked host memory with an array in it: copies need not wait for it.

        mapped: the GPU sees it, too, at `device_address`; on a board where both share the memory
        (`integrated`) nothing has to be copied then.
        """
        n_bytes = n_bytes_of(shape, dtype)
        with self.current():
            try:
                token, *addresses = self._binding.allocate_host(n_bytes, mapped)
            except CudaError as error:
                raise self._told(error, n_bytes) from error
            return self._kept(HostBuffer(self, token, addresses, (shape, dtype)))

    def stream(self) -> Stream:
        """Return a new queue of work for the GPU, independent of all others."""
        with self.current():
            token, handle = self._binding.create_stream()
            return self._kept(Stream(self, token, handle))

    def event(self) -> Event:
        """Return a mark that streams record, which can be waited for and timed."""
        with self.current():
            return self._kept(Event(self, self._binding.create_event()))

    def memory_free_total(self) -> Tuple[int, int]:
        """Return how many bytes of the GPU's memory are free, and how many there are."""
        with self.current():
            return self._binding.memory_info()

    def close(self) -> None:
        """Wait for the streams, free all that is still held, and release the context.

        The first error of doing so is raised, CudaError, after everything was tried.
        """
        if self._closed:
            return
        self._closed = True
        errors = self._free_everything()
        try:
            self._binding.release()
        except CudaError as error:
            errors.append(error)
        if errors:
            raise errors[0]

    def __del__(self) -> None:
        """Free what a forgotten one still holds; nobody is there to be told of an error."""
        try:
            self.close()
        except Exception:  # noqa: B902, BLE001, S110 - also of a Python that is shutting down
            pass

    def keep(self, held: Any) -> None:
        """Free `held` when this closes, unless it is forgotten before; for what is made here."""
        self._held.append(held)

    def forget(self, held: Any) -> None:
        """Take back `keep`, when something frees itself."""
        self._held.remove(held)

    def _kept(self, held: _Held) -> _Held:
        self.keep(held)
        return held

    def _free_everything(self) -> List[CudaError]:
        """Free streams before the memory that they use; return what went wrong."""
        errors: List[CudaError] = []
        for _ in range(2):  # what could not even be tried is tried again
            for held in sorted(self._held, key=_is_memory):
                try:
                    held.free()
                except CudaError as error:
                    errors.append(error)
        return errors

    def _told(self, error: CudaError, n_bytes: int) -> CudaError:
        """Return the error of an allocation, with sizes when memory is what lacks."""
        if error.name != OUT_OF_MEMORY:
            return error
        try:
            return out_of_memory(error, n_bytes, self._binding.memory_info())
        except CudaError:
            return error


def _is_memory(held: Any) -> bool:
    return isinstance(held, (DeviceBuffer, HostBuffer))
