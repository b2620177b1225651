"""Queues of work for the GPU, marks in them, and recordings of them."""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional, Type

from .cuda_errors import CudaError
from .cuda_held import Held
from .errors import DeviceError

if TYPE_CHECKING:
    from .cuda_binding import Binding
    from .cuda_buffers import DeviceBuffer, HostBuffer
    from .cuda_memory import Cuda


class Current:
    """While it lasts, the context is the calling thread's current one; threads nest them freely."""

    def __init__(self, binding: "Binding") -> None:
        self._binding = binding

    def __enter__(self) -> "Binding":
        self._binding.push()
        return self._binding

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        try:
            self._binding.pop()
        except CudaError:
            if error is None:  # else the first error is the one to tell
                raise


class Event(Held):
    """A mark that a stream comes to; it knows when."""

    what = "an event"

    def __init__(self, cuda: "Cuda", token: Any) -> None:
        """Made by `Cuda.event` and `Stream.record`."""
        super().__init__(cuda, token)

    def synchronize(self) -> None:
        """Wait until the stream has come to it."""
        with self._cuda.current() as binding:
            binding.synchronize_event(self.token)

    def elapsed_ms(self, earlier: "Event") -> float:
        """Return the time since `earlier`; both have happened: synchronise with this one first."""
        with self._cuda.current() as binding:
            return binding.elapsed_ms(earlier.token, self.token)

    def _give_back(self, binding: "Binding", token: Any) -> None:
        binding.destroy_event(token)


class Graph(Held):
    """What a stream was given while it was captured, to be given again in one call."""

    what = "a graph"

    def __init__(self, cuda: "Cuda") -> None:
        """Made by `Stream.capture`, empty until that ends."""
        super().__init__(cuda, None)

    def fill(self, token: Any) -> None:
        """Take what was captured."""
        self._token = token
        self._cuda.keep(self)

    def launch(self, stream: "Stream") -> None:
        """Put all of it on a stream; the buffers are those of the capture."""
        with self._cuda.current() as binding:
            binding.launch_graph(self.token, stream.token)

    def _give_back(self, binding: "Binding", token: Any) -> None:
        binding.destroy_graph(token)


class Stream(Held):
    """A queue of work, done in order; nothing of it is known to be done before `synchronize`."""

    what = "a stream"

    def __init__(self, cuda: "Cuda", token: Any, handle: int) -> None:
        """Made by `Cuda.stream`."""
        super().__init__(cuda, token)
        self.handle = handle
        """CUstream, for TensorRT; 0 once it was freed."""

    @property
    def can_capture(self) -> bool:
        """Whether `capture` works with this driver."""
        return self._cuda.can_capture

    def synchronize(self) -> None:
        """Wait until all is done; an error of the work itself comes out here."""
        with self._cuda.current() as binding:
            binding.synchronize_stream(self.token)

    def copy_to_device(self, dst: "DeviceBuffer", src: "HostBuffer") -> None:
        """Put a copy of all of `src` on the stream: leave `src` alone until it is done."""
        _require_room(dst, src)
        with self._cuda.current() as binding:
            binding.copy_to_device(self.token, dst.address, src)

    def copy_to_host(self, dst: "HostBuffer", src: "DeviceBuffer") -> None:
        """Put a copy that fills `dst` on the stream: it holds what it held until it is done."""
        _require_room(src, dst)
        with self._cuda.current() as binding:
            binding.copy_to_host(self.token, dst, src.address)

    def record(self, event: Optional[Event] = None) -> Event:
        """Put a mark on the stream, `event` again or a new one, and return it."""
        with self._cuda.current() as binding:
            marked = event or self._cuda.event()
            binding.record_event(marked.token, self.token)
            return marked

    def capture(self) -> "Capture":
        """Return a context manager: what the stream is given in it goes into a Graph instead.

        It gives the graph, which is complete when it ends. Waiting and allocating are not allowed
        in it: CudaError at the end, and nothing is kept. DeviceError unless `can_capture`.
        """
        if not self.can_capture:
            raise DeviceError("CUDA graphs (CUDA 10.1 on)", "a driver without", "run without them")
        return Capture(self._cuda, self)

    def _give_back(self, binding: "Binding", token: Any) -> None:
        self.handle = 0
        try:
            binding.synchronize_stream(token)
        finally:
            binding.destroy_stream(token)


class Capture:
    """A stream being captured."""

    def __init__(self, cuda: "Cuda", stream: Stream) -> None:
        self._cuda, self._stream = cuda, stream

    def __enter__(self) -> Graph:
        with self._cuda.current() as binding:
            binding.begin_capture(self._stream.token)
        self._graph = Graph(self._cuda)
        return self._graph

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        try:
            with self._cuda.current() as binding:
                self._graph.fill(binding.end_capture(self._stream.token))
            if error is not None:
                self._graph.free()
        except CudaError:
            if error is None:
                raise


def _require_room(device: "DeviceBuffer", host: "HostBuffer") -> None:
    if not device.address or not host.address:
        raise ValueError("a buffer that was freed")
    if host.n_bytes > device.n_bytes:
        raise ValueError("{} bytes for {}".format(host.n_bytes, device.n_bytes))
