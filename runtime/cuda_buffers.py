"""Memory of the GPU, and page-locked memory of the host."""

import ctypes
from typing import TYPE_CHECKING, Any, Sequence, Tuple

import numpy as np

from .cuda_held import Held

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .cuda_binding import Binding
    from .cuda_memory import Cuda


def n_bytes_of(shape: Sequence[int], dtype: Any) -> int:
    """Return how many bytes an array takes."""
    n_bytes = int(np.dtype(dtype).itemsize)
    for size in shape:
        n_bytes *= int(size)
    return n_bytes


class DeviceBuffer(Held):
    """Memory of the GPU; `address` is nothing for the CPU."""

    what = "a device buffer"

    def __init__(self, cuda: "Cuda", token: Any, address: int, n_bytes: int) -> None:
        """Made by `Cuda.device_buffer`."""
        super().__init__(cuda, token)
        self.address = address
        """CUdeviceptr; 0 once it was freed."""
        self.n_bytes = n_bytes

    def _give_back(self, binding: "Binding", token: Any) -> None:
        self.address = 0
        binding.free(token)


class HostBuffer(Held):
    """Memory of the host that is never paged out, so that the GPU copies it by itself.

    On a Jetson before Xavier the CPU's cache leaves it out: read and write it once, from end to
    end, and compute elsewhere. `free` takes the memory of all its arrays as well.
    """

    what = "a host buffer"

    def __init__(
        self,
        cuda: "Cuda",
        token: Any,
        addresses: Sequence[int],
        form: Tuple[Tuple[int, ...], Any],
    ) -> None:
        """Made by `Cuda.host_buffer`; addresses: of CPU and GPU; form: shape and type."""
        super().__init__(cuda, token)
        self.address, self.device_address = addresses
        """For CPU and GPU; 0 once it was freed, and the GPU's unless it is mapped."""
        self.shape, self.dtype = tuple(form[0]), np.dtype(form[1])
        self.n_bytes = n_bytes_of(self.shape, self.dtype)

    @property
    def array(self) -> "NDArray[Any]":
        """The memory itself. Arrays keep the GPU open as long as they live, but not after `free`.

        Touching one after `free` ends the process: copy what is to be kept.
        """
        if self._token is None:
            raise ValueError("a host buffer that was freed has no array")
        memory: Any = (ctypes.c_ubyte * self.n_bytes).from_address(self.address)
        memory.owner = self
        array: "NDArray[Any]" = np.frombuffer(memory, self.dtype)
        return array.reshape(self.shape)

    def _give_back(self, binding: "Binding", token: Any) -> None:
        self.address = self.device_address = 0
        binding.free_host(token)
