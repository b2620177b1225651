"""An engine in TensorRT's hands: runtime, engine and execution contexts."""

from pathlib import Path
from typing import Any, List, Optional, Type, Union

from .engine_file import EngineFacts, rebuild_command
from .errors import DeviceError, EdgedetError, ModelError
from .execution_bindings import BindingExecution
from .execution_tensors import TensorExecution
from .gpu_identity import Gpu
from .rtx_kernels import KernelCache, kernel_file
from .tensorrt_flavour import Flavour
from .tensorrt_log import is_out_of_memory


class LoadedEngine:
    """Made empty, filled by `load`, emptied by `close`.

    TensorRT's objects have no call that releases them: they go with their last reference, and
    have to go in order (contexts, engine, runtime) before the GPU's memory and CUDA context do. So
    nobody else keeps a reference, not even in a variable of a function: the traceback of an error
    would keep it alive.
    """

    def __init__(self, flavour: Flavour, path: Path, facts: EngineFacts) -> None:
        self.flavour = flavour
        self.runtime: Any = None
        self.engine: Any = None
        self.contexts: List[Any] = []
        self.kernels: Optional[KernelCache] = None
        self._path = path
        self._facts = facts

    def load(self, gpu: Gpu) -> None:
        """Read the file.

        DeviceError when TensorRT does not start or the GPU has too little memory, ModelError when
        it refuses the plan; both with the cause from its log.
        """
        self.flavour.log.clear()
        self._start()
        self.engine = self.runtime.deserialize_cuda_engine(self._path.read_bytes())
        if self.engine is None:
            fix = "build it again here: " + rebuild_command(self._facts)
            raise self._error(ModelError, "to load", fix)
        if self.flavour.can.runtime_cache:
            self.kernels = KernelCache(self, kernel_file(self._facts, gpu))

    def execution(self) -> "Union[BindingExecution, TensorExecution]":
        """Return what runs the loaded engine, in an execution context of its own.

        One for each set of addresses: a CUDA graph of TensorRT holds only as long as its context
        is not changed, and TensorRT-RTX records its graph anew whenever an address changes.
        """
        settings = [] if self.kernels is None else [self.kernels.config]
        self.contexts.append(self.engine.create_execution_context(*settings))
        if self.contexts[-1] is None:
            raise self.failure("to prepare")
        index = len(self.contexts) - 1
        if self.flavour.can.tensor_api:
            return TensorExecution(self, index)
        return BindingExecution(self, index)

    def failure(self, verb: str) -> EdgedetError:
        """Return the error to raise when a loaded engine did not do what it was asked."""
        return self._error(DeviceError, verb, "build it again here if it stays")

    def close(self) -> None:
        """Release everything, in order; closing twice does no harm."""
        del self.contexts[:]
        self.kernels = None
        self.engine = None
        self.runtime = None

    def _start(self) -> None:
        try:
            self.runtime = self.flavour.module.Runtime(self.flavour.log)
        except (TypeError, RuntimeError) as error:  # pybind11's way of returning None
            fix = "check the GPU, its driver and CUDA, for example with `edgedet doctor`"
            expected = "{} to start".format(self.flavour.title)
            raise DeviceError(expected, self.flavour.log.cause(), fix) from error

    def _error(self, kind: Type[EdgedetError], verb: str, fix: str) -> EdgedetError:
        cause = self.flavour.log.cause()
        expected = "{} {} {}".format(self.flavour.title, verb, self._path)
        if is_out_of_memory(cause):
            return DeviceError(expected, cause, "close what else uses the GPU's memory")
        return kind(expected, cause, fix)
