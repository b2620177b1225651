"""What a way from Python to the CUDA driver API has to offer.

A token is the binding's own object for something of the GPU's; whoever made it gives it back to the
call that frees it, and keeps no other reference. Every call but those that say otherwise wants the
context pushed, and raises CudaError when CUDA refuses.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Tuple

if TYPE_CHECKING:
    from .cuda_buffers import HostBuffer


class Binding(ABC):
    """The primary context of device 0, retained when it is made; NoGpuError when it cannot be."""

    name: str
    can_capture: bool
    """Whether streams can be captured into graphs: CUDA 10.1 on."""

    @abstractmethod
    def release(self) -> None:
        """Give the primary context back; not to be pushed then."""

    @abstractmethod
    def push(self) -> None:
        """Make the context the calling thread's current one."""

    @abstractmethod
    def pop(self) -> None:
        """Give the thread the context back that was current before `push`."""

    @abstractmethod
    def device_name(self) -> str:
        """Return the GPU's name; without a context."""

    @abstractmethod
    def attribute(self, which: int) -> int:
        """Return a CUdevice_attribute of the GPU; without a context."""

    @abstractmethod
    def memory_info(self) -> Tuple[int, int]:
        """Return free and total bytes."""

    @abstractmethod
    def allocate(self, n_bytes: int) -> Tuple[Any, int]:
        """Return token and address of device memory."""

    @abstractmethod
    def free(self, token: Any) -> None:
        """Free device memory."""

    @abstractmethod
    def allocate_host(self, n_bytes: int, mapped: bool) -> Tuple[Any, int, int]:
        """Return token, address and the GPU's address (0 unless mapped) of page-locked memory."""

    @abstractmethod
    def free_host(self, token: Any) -> None:
        """Free page-locked memory."""

    @abstractmethod
    def create_stream(self) -> Tuple[Any, int]:
        """Return token and CUstream handle of a stream that does not wait for the null stream."""

    @abstractmethod
    def synchronize_stream(self, stream: Any) -> None:
        """Wait until a stream is done."""

    @abstractmethod
    def destroy_stream(self, stream: Any) -> None:
        """Free a stream."""

    @abstractmethod
    def copy_to_device(self, stream: Any, to: int, source: "HostBuffer") -> None:
        """Put a copy of all of `source` to a device address on a stream."""

    @abstractmethod
    def copy_to_host(self, stream: Any, to: "HostBuffer", source: int) -> None:
        """Put a copy from a device address that fills `to` on a stream."""

    @abstractmethod
    def create_event(self) -> Any:
        """Return the token of an event that takes the time."""

    @abstractmethod
    def record_event(self, event: Any, stream: Any) -> None:
        """Put the event on a stream."""

    @abstractmethod
    def synchronize_event(self, event: Any) -> None:
        """Wait until the stream has come to the event."""

    @abstractmethod
    def elapsed_ms(self, start: Any, end: Any) -> float:
        """Return the milliseconds between two events that have happened."""

    @abstractmethod
    def destroy_event(self, event: Any) -> None:
        """Free an event."""

    @abstractmethod
    def begin_capture(self, stream: Any) -> None:
        """From now on collect what this thread puts on a stream instead of doing it."""

    @abstractmethod
    def end_capture(self, stream: Any) -> Any:
        """Stop collecting, in any case, and return the token of a graph of what was collected."""

    @abstractmethod
    def launch_graph(self, graph: Any, stream: Any) -> None:
        """Put all that a graph holds on a stream."""

    @abstractmethod
    def destroy_graph(self, graph: Any) -> None:
        """Free a graph."""
