"""Memory of the GPU, and page-locked memory of the host."""

import ctypes
from typing import TYPE_CHECKING, Any, Sequence, Tuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .cuda_memory import Cuda


def n_bytes_of(shape: Sequence[int], dtype: Any) -> int:
    """Return how many bytes an array takes."""
    n_bytes = int(np.dtype(dtype).itemsize)
    for size in shape:
        n_bytes *= int(size)
    return n_bytes


class DeviceBuffer:
    """Memory of the GPU; `address` is nothing for the CPU."""

    def __init__(self, cuda: "Cuda", token: Any, address: int, n_bytes: int) -> None:
        """Made by `Cuda.device_buffer`."""
        self._cuda, self._token = cuda, token
        self.address = address
        """CUdeviceptr; 0 once it was freed."""
        self.n_bytes = n_bytes

    def free(self) -> None:
        """Give the memory back; waits for the GPU. Again is nothing."""
        if self._token is None:
            return
        with self._cuda.current() as binding:
            token, self._token, self.address = self._token, None, 0
            self._cuda.forget(self)
            binding.free(token)


class HostBuffer:
    """Memory of the host that is never paged out, so that the GPU copies it by itself.

    On a Jetson before Xavier the CPU's cache leaves it out: read and write it once, from end to
    end, and compute elsewhere.
    """

    def __init__(
        self,
        cuda: "Cuda",
        token: Any,
        addresses: Sequence[int],
        form: Tuple[Tuple[int, ...], Any],
    ) -> None:
        """Made by `Cuda.host_buffer`; addresses: of CPU and GPU; form: shape and type."""
        self._cuda, self._token = cuda, token
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

    def free(self) -> None:
        """Give the memory back, and with it that of all its arrays. Again is nothing."""
        if self._token is None:
            return
        with self._cuda.current() as binding:
            token, self._token = self._token, None
            self.address = self.device_address = 0
            self._cuda.forget(self)
            binding.free_host(token)
