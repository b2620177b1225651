"""Engines of the fake TensorRT that run: through ONNX Runtime, on the fake driver's memory.

The plan holds the ONNX file. What the documentation asks of a caller is enforced:
- Addresses are of device memory: a host pointer, freed memory, or memory too small for the tensor
  (a wrong order) is an illegal address when the stream gets there, as on a GPU.
- A tensor without an address makes the run fail. Nothing is computed before somebody synchronises.
- Runtime, engine and execution context hold device memory, and have to be gone before CUDA's
  context is: what comes too late is a violation.
`trt.seen` says what is alive, in which order things went, how often engines ran, how often a
context was given other addresses than for its run before (a CUDA graph of it no longer holds then,
and TensorRT-RTX records its own anew), and what was violated.
"""

import base64
import contextlib
import ctypes
from enum import IntEnum

import numpy as np

BYTES = {"runtime": 1 << 10, "engine": 1 << 16, "context": 1 << 14}
KERNELS = b"kernels for "
OUT_OF_MEMORY = "[defaultAllocator.cpp::allocate::31] Error Code 1: Cuda Runtime (out of memory)"
NUMPY = {
    "FLOAT": "float32",
    "HALF": "float16",
    "UINT8": "uint8",
    "INT32": "int32",
    "INT64": "int64",
}


class Driver:
    """The fake driver as TensorRT uses it: through the CUDA runtime, which takes the primary
    context where none is current."""

    def __init__(self, gpu):
        """gpu: what `fake_cuda` gives."""
        self.gpu = gpu
        self._cuda = ctypes.CDLL(str(gpu.library))
        self._cuda.cuMemAlloc_v2.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        self._cuda.cuMemFree_v2.argtypes = [ctypes.c_ulonglong]

    def allocate(self, n_bytes):
        """An address, or None."""
        address = ctypes.c_ulonglong()
        with self._context():
            failed = self._cuda.cuMemAlloc_v2(ctypes.byref(address), n_bytes)
        return None if failed else address.value

    def free(self, address):
        with self._context():
            self._cuda.cuMemFree_v2(address)

    def retain(self):
        """Return the primary context, which stays until `release`."""
        context = ctypes.c_void_p()
        self._cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0)
        return context

    def release(self):
        self._cuda.cuDevicePrimaryCtxRelease_v2(0)

    def has_context(self):
        """Whether the primary context is there."""
        return self.gpu.live()["contexts"] > 0

    def current(self):
        """Whether the thread has a context."""
        context = ctypes.c_void_p()
        self._cuda.cuCtxGetCurrent(ctypes.byref(context))
        return context.value is not None

    @contextlib.contextmanager
    def _context(self):
        if self.current():
            yield
            return
        self._cuda.cuCtxPushCurrent_v2(self.retain())
        yield
        self._cuda.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))
        self.release()


class Holding:
    """Device memory of a TensorRT object, and a reference to what it was made by, as pybind11's
    keep_alive: it goes with the last reference."""

    def __init__(self, trt, kind, parent=None):
        self._trt, self._kind, self._parent = trt, kind, parent
        # Where no context is current the CUDA runtime holds the primary one itself.
        self._retains = not trt.driver.current()
        if self._retains:
            trt.driver.retain()
        self._address = trt.driver.allocate(BYTES[kind])
        if self._address is None:
            trt.say(trt.seen.logger, "ERROR", OUT_OF_MEMORY)
            raise MemoryError
        trt.seen.alive.append(kind)

    def __del__(self):
        if self._address is not None:
            self._trt.seen.alive.remove(self._kind)
            self._trt.seen.ended.append(self._kind)
            if self._trt.driver.has_context():
                self._trt.driver.free(self._address)
            else:
                self._trt.seen.violations.append(self._kind + " outlived CUDA's context")
        if self._retains:
            self._trt.driver.release()


class Tensor:
    """One input or output of an engine, as the plan tells."""

    def __init__(self, trt, row):
        name, dtype, shape, is_input = row
        self.name, self.shape, self.is_input = name, tuple(shape), is_input
        self.dtype = trt.DataType[dtype]
        self.numpy = np.dtype(NUMPY[dtype])
        self.n_bytes = int(np.prod(shape)) * self.numpy.itemsize


class Network:
    """What an engine computes."""

    _sessions = {}

    def __init__(self, trt, content):
        self._trt = trt
        self._model = base64.b64decode(content["onnx"])
        self.tensors = [Tensor(trt, row) for row in content["tensors"]]

    def run(self, addresses):
        """One run, on device memory, which raises where an address is none of it; by names."""
        gpu = self._trt.driver.gpu
        feeds = {}
        for tensor in self.tensors:
            if tensor.is_input:
                content = gpu.read(addresses[tensor.name], tensor.n_bytes)
                feeds[tensor.name] = np.frombuffer(content, tensor.numpy).reshape(tensor.shape)
        outputs = [tensor for tensor in self.tensors if not tensor.is_input]
        results = self._session().run([tensor.name for tensor in outputs], feeds)
        for tensor, result in zip(outputs, results):
            result = self._trt.seen.faults.computes(tensor.name, result)
            gpu.write(addresses[tensor.name], result.astype(tensor.numpy).tobytes())
        self._trt.seen.runs += 1

    def _session(self):
        if self._model not in self._sessions:
            import onnxruntime

            self._sessions[self._model] = onnxruntime.InferenceSession(
                self._model, providers=["CPUExecutionProvider"]
            )
        return self._sessions[self._model]


def rows_of(network):
    """The inputs and outputs of a fake INetworkDefinition, for the plan."""
    described = [(tensor, True) for tensor in network.inputs]
    described += [(tensor, False) for tensor in network.outputs]
    return [[t.name, t.dtype.name, list(t.shape), is_input] for t, is_input in described]


def add_execution(trt, number, faults, gpu):
    """Let the engines of this TensorRT run; gpu: what `fake_cuda` gives, or None without."""
    trt.driver = None if gpu is None else Driver(gpu)
    trt.seen.alive, trt.seen.ended, trt.seen.violations = [], [], []
    trt.seen.runs = trt.seen.changed_contexts = 0
    trt.seen.faults = faults
    trt.IExecutionContext = _context_class(trt, number, faults)
    _add_making(trt, faults)
    if number < (10, 0):
        _add_bindings(trt)
    if number >= (8, 5):
        trt.TensorIOMode = IntEnum("TensorIOMode", ["NONE", "INPUT", "OUTPUT"], start=0)
        _add_tensors(trt)


def _context_class(trt, number, faults):  # noqa: C901 - one class
    class IExecutionContext:
        def __init__(self, engine):
            self._holding = Holding(trt, "context", engine)
            self._network = engine._network
            self._addresses = {}
            self._queued = None

        def _queue(self, addresses, stream):
            if faults.run is not None:
                trt.say(trt.seen.logger, "ERROR", faults.run)
                return False
            if faults.not_capturable and not self._allocates():
                trt.say(
                    trt.seen.logger, "ERROR", "operation not permitted when stream is capturing"
                )
                return False
            network = self._network
            trt.seen.changed_contexts += self._queued not in (None, addresses)
            self._queued = addresses
            if trt.driver.gpu.enqueue(stream, lambda: network.run(addresses)):
                trt.say(trt.seen.logger, "ERROR", "Error Code 1: Cuda Driver (invalid handle)")
                return False
            return True

        def _allocates(self):
            address = trt.driver.allocate(1)
            if address is not None:
                trt.driver.free(address)
            return address is not None

        if number < (10, 0):

            def execute_async_v2(self, bindings, stream_handle):
                names = [tensor.name for tensor in self._network.tensors]
                assert len(bindings) == len(names), "one address for each binding"
                return self._queue(dict(zip(names, bindings)), stream_handle)

        if number >= (8, 5):

            def set_tensor_address(self, name, memory):
                if name not in [tensor.name for tensor in self._network.tensors]:
                    trt.say(trt.seen.logger, "ERROR", "no tensor {}".format(name))
                    return False
                self._addresses[name] = memory
                return True

            def execute_async_v3(self, stream_handle):
                for tensor in self._network.tensors:
                    if tensor.name not in self._addresses:
                        message = "Error Code 3: Neither address or allocator is set for "
                        trt.say(trt.seen.logger, "ERROR", message + tensor.name)
                        return False
                return self._queue(dict(self._addresses), stream_handle)

    return IExecutionContext


def _add_making(trt, faults):
    def create_execution_context(self, runtime_config=None):
        assert runtime_config is None or isinstance(runtime_config, trt.IRuntimeConfig)
        if faults.context is not None:
            trt.say(trt.seen.logger, "ERROR", faults.context)
            return None
        try:
            context = trt.IExecutionContext(self)
        except MemoryError:
            return None
        if runtime_config is not None:
            context._config = runtime_config
            runtime_config._make_kernels()
        return context

    trt.ICudaEngine.create_execution_context = create_execution_context


def _add_bindings(trt):
    engine = trt.ICudaEngine
    engine.num_bindings = property(lambda self: len(self._network.tensors))
    engine.get_binding_name = lambda self, index: self._network.tensors[index].name
    engine.get_binding_shape = lambda self, index: self._network.tensors[index].shape
    engine.get_binding_dtype = lambda self, index: self._network.tensors[index].dtype
    engine.binding_is_input = lambda self, index: self._network.tensors[index].is_input


def _add_tensors(trt):
    def named(engine, name):
        return [tensor for tensor in engine._network.tensors if tensor.name == name][0]

    def get_tensor_mode(self, name):
        return trt.TensorIOMode.INPUT if named(self, name).is_input else trt.TensorIOMode.OUTPUT

    engine = trt.ICudaEngine
    engine.num_io_tensors = property(lambda self: len(self._network.tensors))
    engine.get_tensor_name = lambda self, index: self._network.tensors[index].name
    engine.get_tensor_shape = lambda self, name: named(self, name).shape
    engine.get_tensor_dtype = lambda self, name: named(self, name).dtype
    engine.get_tensor_mode = get_tensor_mode


def add_rtx_execution(trt):  # noqa: C901 - classes, one beside the other
    """What TensorRT-RTX has besides: kernels that are made at the first run, and kept."""
    trt.seen.kernels_made, trt.seen.configs_used = 0, []
    trt.CudaGraphStrategy = IntEnum(
        "CudaGraphStrategy", ["DISABLED", "WHOLE_GRAPH_CAPTURE"], start=0
    )

    class IRuntimeCache:
        def __init__(self):
            self._kernels = b""

        def deserialize(self, blob):
            if not trt.driver.current():
                trt.seen.violations.append("kernels were read without a current context")
            if bytes(blob) != KERNELS + trt.__version__.encode("ascii"):
                return False
            self._kernels = bytes(blob)
            return True

        def serialize(self):
            return memoryview(self._kernels)

    class IRuntimeConfig:
        def __init__(self):
            self.cuda_graph_strategy = trt.CudaGraphStrategy.DISABLED
            self._cache = None
            trt.seen.configs_used.append(self.cuda_graph_strategy)

        def create_runtime_cache(self):
            return IRuntimeCache()

        def set_runtime_cache(self, cache):
            self._cache = cache
            return True

        def _make_kernels(self):
            trt.seen.configs_used[-1] = self.cuda_graph_strategy
            if self._cache is not None and not self._cache._kernels:
                trt.seen.kernels_made += 1
                self._cache._kernels = KERNELS + trt.__version__.encode("ascii")

    trt.IRuntimeCache, trt.IRuntimeConfig = IRuntimeCache, IRuntimeConfig
    trt.ICudaEngine.create_runtime_config = lambda self: IRuntimeConfig()
