"""An engine on the GPU with its memory and streams: made once, used for every frame."""

import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Tuple

import numpy as np

from .backend_onnxruntime import OUTPUTS
from .cuda_memory import open_cuda
from .engine_file import EngineFacts, require_fit
from .engine_tensors import EngineTensor, require_same
from .errors import DeviceError
from .gpu_identity import Gpu
from .loaded_engine import LoadedEngine
from .memory_steps import MemorySteps
from .tensorrt_flavour import open_flavour
from .twin_buffer import TwinBuffer

if TYPE_CHECKING:
    from numpy.typing import NDArray

TURNS = 2
"""Inputs: while the engine reads one the next batch is written to the other."""

_LOGGER = logging.getLogger("edgedet.engine")


class EngineSession:
    """One run is `upload`, `launch` and `collect`; only `collect` waits for the engine.

    ``inputs``: one array [N,...] for each turn to write a batch into, in page-locked memory, so
    they are gone after `close`. ``memory``: what each step of the start left. Nothing is allocated
    after the start. One thread at a time.
    """

    def __init__(self, path: Path, facts: EngineFacts, tensors: Tuple[EngineTensor, ...]) -> None:
        """Load the engine, which has that sidecar and those tensors, and run it once.

        DeviceError without the TensorRT or the GPU that it wants, or with too little memory;
        ModelError for a plan that TensorRT refuses. Then nothing is held.
        """
        self.memory = MemorySteps()
        self._loaded = LoadedEngine(open_flavour(facts.flavour), path, facts)
        self._graphs: List[Any] = []
        self._stream: Any = None
        self.memory.note("tensorrt")
        self._cuda = open_cuda()
        try:
            self.memory.note("cuda", self._cuda)
            self._load(path, facts)
            self._allocate(tensors)
            self.memory.note("buffers", self._cuda)
            self._warm_up()
            self.memory.note("first run", self._cuda)
        except BaseException:  # Ctrl-C as well
            with suppress(DeviceError):  # the first error is the one to tell
                self.close()
            raise

    def upload(self, turn: int, ahead: bool) -> None:
        """Start to copy that input to the GPU; ahead: while it is running on the other one."""
        self._twins[turn].upload(self._uploads if ahead else self._stream)

    def launch(self, turn: int) -> None:
        """Start to run on that input, and to bring the outputs back."""
        self._uploads.synchronize()  # nothing to wait for unless it was sent ahead
        self._run(turn)
        for output in self._outputs:
            output.download(self._stream)

    def collect(self) -> "Tuple[NDArray[Any], ...]":
        """Wait, and return ``OUTPUTS``: arrays that the next `collect` writes anew."""
        self._stream.synchronize()
        # A Jetson reads page-locked memory slowly, and it would be gone after `close`.
        for result, output in zip(self._results, self._outputs):
            np.copyto(result, output.array)
        return self._results

    def run_again(self, turn: int) -> None:
        """Run on what was uploaded there before, copy nothing, and wait."""
        self._run(turn)
        self._stream.synchronize()

    def close(self) -> None:
        """Wait for the GPU and release everything, once.

        In the order that TensorRT wants: what runs the engine, the engine, then all memory.
        """
        try:
            if self._stream is not None:
                with suppress(DeviceError):  # nobody wants its outputs any more
                    self._stream.synchronize()
            for graph in self._graphs:
                graph.free()
            with self._cuda.current():
                self._loaded.close()
        finally:
            self._loaded.close()
            self._cuda.close()

    def _load(self, path: Path, facts: EngineFacts) -> None:
        gpu = Gpu(self._cuda.device_name, self._cuda.compute_capability)
        require_fit(path, facts, self._loaded.flavour.version, gpu)
        with self._cuda.current():
            self._loaded.load(gpu)
            self.memory.note("engine", self._cuda)
            self._executions = [self._loaded.execution() for _ in range(TURNS)]
            self.memory.note("contexts", self._cuda)
        require_same(path, facts, self._executions[0].tensors())

    def _allocate(self, tensors: Tuple[EngineTensor, ...]) -> None:
        by_name = {tensor.name: tensor for tensor in tensors}
        (source,) = [tensor for tensor in tensors if tensor.is_input]
        self._stream, self._uploads = self._cuda.stream(), self._cuda.stream()
        self._twins = [TwinBuffer(self._cuda, source) for _ in range(TURNS)]
        self._outputs = [TwinBuffer(self._cuda, by_name[name]) for name in OUTPUTS]
        self._results = tuple(_result(by_name[name]) for name in OUTPUTS)
        self.inputs = tuple(twin.array for twin in self._twins)
        places = {name: twin.address for name, twin in zip(OUTPUTS, self._outputs)}
        self._addresses = [dict(places, **{source.name: twin.address}) for twin in self._twins]

    def _warm_up(self) -> None:
        """Run for what TensorRT does at the first run only; then record it as CUDA graphs."""
        for turn in range(TURNS):
            self.upload(turn, ahead=False)
            self.launch(turn)
            self.collect()
        if self._loaded.kernels is not None:
            self._loaded.kernels.save()
        if self._stream.can_capture and not self._loaded.flavour.can.replays_graphs:
            self._graphs = self._captured()

    def _captured(self) -> List[Any]:
        """A graph for each turn, or none: a network may do what no graph can hold."""
        graphs: List[Any] = []
        try:
            for turn in range(TURNS):
                with self._stream.capture() as graph:
                    graphs.append(graph)
                    self._queue(turn)
        except DeviceError as error:
            _LOGGER.info("the engine runs without a CUDA graph: %s", error)
            self._loaded.flavour.log.clear()  # else a later error would have this one's cause
            for graph in graphs:
                graph.free()
            return []
        return graphs

    def _run(self, turn: int) -> None:
        if self._graphs:
            self._graphs[turn].launch(self._stream)
        else:
            self._queue(turn)

    def _queue(self, turn: int) -> None:
        with self._cuda.current():
            if not self._executions[turn].queue(self._addresses[turn], self._stream.handle):
                raise self._loaded.failure("to run")


def _result(tensor: EngineTensor) -> "NDArray[Any]":
    """What is handed out; labels are int64 whatever TensorRT calls them."""
    dtype = "int64" if tensor.name == OUTPUTS[2] else tensor.dtype
    return np.zeros(tensor.shape, dtype=dtype)
