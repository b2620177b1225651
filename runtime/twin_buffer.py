"""Memory of one tensor: page-locked on the host, and its twin on the GPU."""

from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from .engine_tensors import EngineTensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .cuda_memory import Cuda, Stream


class TwinBuffer:
    """Allocated once; the `Cuda` that it came from frees it.

    On a GPU that shares the host's memory (Jetson) there is no twin and nothing is copied: the
    engine reads and writes the host's memory.
    """

    def __init__(self, cuda: "Cuda", tensor: EngineTensor) -> None:
        dtype = np.dtype(tensor.dtype)
        self._host = cuda.host_buffer(tensor.shape, dtype, mapped=cuda.integrated)
        self._device: Optional[Any] = None
        self.array: "NDArray[Any]" = self._host.array
        self.array.fill(0)
        if cuda.integrated:
            self.address = self._host.device_address
        else:
            self._device = cuda.device_buffer(self.array.nbytes)
            self.address = self._device.address

    def upload(self, stream: "Stream") -> None:
        """Queue the copy to the GPU."""
        if self._device is not None:
            stream.copy_to_device(self._device, self._host)

    def download(self, stream: "Stream") -> None:
        """Queue the copy from the GPU; it is there once the stream was waited for."""
        if self._device is not None:
            stream.copy_to_host(self._host, self._device)
