"""A TensorRT without a GPU: the contract of its Python API, version by version.

Each version has the attributes that the real one has and no others (API tables of NVIDIA's release
branches and bindings, 8.2 to 11): calling what is not there is an AttributeError, as on the
device. It reads the ONNX file, builds a network of layers, "chooses" precisions by flags and
constraints, INT8 where all that a layer reads and makes has a range or comes out of Q/DQ, and
serialises a plan that a changed byte spoils. Engines run where there is a fake driver for them:
`fake_execution`.
"""

import base64
import hashlib
import json
import time
from enum import IntEnum
from pathlib import Path
from types import ModuleType, SimpleNamespace

from fake_execution import Holding, Network, add_execution, add_rtx_execution, rows_of

from edgedet.runtime.protobuf_wire import Message

LAYERS = {
    "Conv": "CONVOLUTION",
    "Reshape": "SHUFFLE",
    "Transpose": "SHUFFLE",
    "Slice": "SLICE",
    "Sigmoid": "ACTIVATION",
    "TopK": "TOPK",
    "Sub": "ELEMENTWISE",
    "Mul": "ELEMENTWISE",
    "Expand": "SLICE",
    "GatherElements": "GATHER",
    "Cast": "CAST",
    "Relu": "ACTIVATION",
    "Add": "ELEMENTWISE",
    "QuantizeLinear": "QUANTIZE",
    "DequantizeLinear": "DEQUANTIZE",
}
INT8_LAYERS = ("CONVOLUTION", "ACTIVATION", "ELEMENTWISE", "SHUFFLE", "SLICE")
INTEGER_RESULTS = ("cell", "labels", "cells", "index")
VERSIONS = {
    "8.2.1.8": (8, 2),
    "8.4.1.5": (8, 4),
    "8.5.2.2": (8, 5),
    "8.6.1": (8, 6),
    "10.3.0": (10, 3),
    "11.4.0": (11, 4),
}
RTX_VERSION = "1.7.1"


class Faults(SimpleNamespace):
    """What goes wrong; all off."""

    def __init__(self, **kinds):
        known = {
            "refused_node": None,  # index of the node that the parser refuses
            "needs": None,  # the tactic source without which a layer has no implementation
            "build": None,  # message that is logged before the builder returns None
            "no_cuda": False,  # Builder() fails as without a driver
            "slow_fp16": False,
            "slow_int8": False,
            "ignores_int8": False,  # no layer ends in it
            "renames": lambda name: name,  # what the parser makes of the names of tensors
            "ignores_fp16": False,  # all layers end in FP32
            "not_loadable": None,  # message that is logged before deserialising gives None
            "context": None,  # the same for making an execution context
            "run": None,  # the same for a run
            "not_capturable": False,  # runs allocate, which no CUDA graph can hold
            "computes": lambda name, result: result,  # what a run makes of each output
            "during_build": None,  # called once a step
        }
        known.update(kinds)
        super().__init__(**known)


class Strict:
    """Objects that take no attribute they do not have, as those of pybind11."""

    fields = ()

    def __setattr__(self, name, value):
        if name == "__class__" and issubclass(value, type(self)):  # to one that is derived
            object.__setattr__(self, name, value)
        elif name not in self.fields:
            raise AttributeError("{} has no attribute {}".format(type(self).__name__, name))
        else:
            object.__setattr__(self, name, value)


def fake_tensorrt(version, faults=None, gpu=None):
    """Return the module `tensorrt` of that version; `module.seen` is what was done with it.

    gpu: what `fake_cuda` gives, for engines that run.
    """
    return _module("tensorrt", version, VERSIONS[version], faults or Faults(), gpu)


def fake_tensorrt_rtx(faults=None, gpu=None):
    """Return the module `tensorrt_rtx`, which is TensorRT 11 but for its own."""
    trt = _module("tensorrt_rtx", RTX_VERSION, VERSIONS["11.4.0"], faults or Faults(), gpu)
    trt.ComputeCapability = IntEnum("ComputeCapability", ["SM75", "SM86", "SM89"])
    trt.IBuilderConfig.fields += ("num_compute_capabilities",)
    trt.IBuilderConfig.num_compute_capabilities = 0
    trt.IBuilderConfig.set_compute_capability = lambda self, target, index: None
    add_rtx_execution(trt)
    return trt


def _module(name, version, number, faults, gpu):
    trt = ModuleType(name)
    trt.__version__ = version
    trt.seen = SimpleNamespace(configs=[], networks=[], builds=0)
    _add_enums(trt, number)
    _add_loggers(trt, number)
    _add_network(trt, number)
    _add_config(trt, number)
    _add_parser(trt, number, faults)
    _add_builder(trt, number, faults)
    _add_runtime(trt, number, faults)
    add_execution(trt, number, faults, gpu)
    return trt


def _add_enums(trt, number):
    kinds = ["FLOAT", "HALF", "INT8", "INT32", "BOOL"]
    kinds += ["UINT8"] if number >= (8, 5) else []
    kinds += ["INT64", "BF16"] if number >= (10, 0) else []
    trt.DataType = IntEnum("DataType", kinds)
    flags = ["TF32", "REFIT", "GPU_FALLBACK"]
    if number < (11, 0):
        flags += ["FP16", "INT8", "OBEY_PRECISION_CONSTRAINTS", "PREFER_PRECISION_CONSTRAINTS"]
    trt.BuilderFlag = IntEnum("BuilderFlag", flags)
    creation = ["EXPLICIT_BATCH"] if number < (11, 0) else []
    creation += ["STRONGLY_TYPED"] if number >= (10, 0) else []
    trt.NetworkDefinitionCreationFlag = IntEnum("NetworkDefinitionCreationFlag", creation, start=0)
    trt.ProfilingVerbosity = IntEnum("ProfilingVerbosity", ["LAYER_NAMES_ONLY", "NONE", "DETAILED"])
    trt.LayerInformationFormat = IntEnum("LayerInformationFormat", ["ONELINE", "JSON"])
    trt.LayerType = IntEnum("LayerType", sorted(set(LAYERS.values())))
    sources = ["CUBLAS", "CUBLAS_LT", "CUDNN"] if number < (11, 0) else []
    sources += ["EDGE_MASK_CONVOLUTIONS"] if number >= (8, 4) else []
    sources += ["JIT_CONVOLUTIONS"] if number >= (8, 5) else []
    trt.TacticSource = IntEnum("TacticSource", sources, start=0)
    if number >= (8, 4):
        trt.MemoryPoolType = IntEnum("MemoryPoolType", ["WORKSPACE", "DLA_MANAGED_SRAM"])


def _add_loggers(trt, number):
    class ILogger:
        Severity = IntEnum(
            "Severity", ["INTERNAL_ERROR", "ERROR", "WARNING", "INFO", "VERBOSE"], start=0
        )

        def __init__(self):
            self._base_ready = True

    def say(logger, severity, message):
        assert logger._base_ready, "ILogger.__init__ was not called"
        # The first logger of the process hears everything.
        if not hasattr(trt.seen, "logger"):
            trt.seen.logger = logger
        trt.seen.logger.log(ILogger.Severity[severity], message)

    trt.ILogger = ILogger
    trt.say = say
    if number >= (10, 0):

        class IProgressMonitor:
            def __init__(self):
                self._base_ready = True

        trt.IProgressMonitor = IProgressMonitor


def _add_network(trt, number):  # noqa: C901 - classes, one beside the other
    class Tensor(Strict):
        fields = ("shape", "dtype") + (("dynamic_range",) if number < (11, 0) else ())

        def __init__(self, name, dtype):
            self.__dict__.update(name=name, dtype=dtype, shape=(), range=None)

        if number < (11, 0):

            @property
            def dynamic_range(self):
                return self.range

            @dynamic_range.setter
            def dynamic_range(self, ends):
                low, high = ends
                assert self.dtype == trt.DataType.FLOAT, "a range of what is no float"
                assert -low == high > 0, "a range that is not symmetric"
                self.__dict__["range"] = (low, high)

    class Layer(Strict):
        fields = ("precision",) if number < (11, 0) else ()

        def __init__(self, kind, name, tensors, channels):
            inputs, outputs = tensors
            state = {"type": trt.LayerType[kind], "name": name, "tensors": (inputs, outputs)}
            state.update(channels=channels, output_type=None)
            state.update(num_inputs=len(inputs), num_outputs=len(outputs))
            self.__dict__.update(state)

        if number < (11, 0):

            def set_output_type(self, index, dtype):
                assert dtype in (trt.DataType.FLOAT, trt.DataType.HALF)
                assert self.get_output(index).dtype == trt.DataType.FLOAT, "an integer result"
                self.__dict__["output_type"] = dtype

        def get_input(self, index):
            return self.tensors[0][index]

        def get_output(self, index):
            return self.tensors[1][index]

    class IConvolutionLayer(Layer):
        fields = Layer.fields + ("bias",)
        num_output_maps = property(lambda self: self.channels)

    class INetworkDefinition(Strict):
        def __init__(self, flags):
            self.__dict__.update(flags=flags, layers=[], inputs=[], outputs=[])

        num_layers = property(lambda self: len(self.layers))
        num_inputs = property(lambda self: len(self.inputs))
        num_outputs = property(lambda self: len(self.outputs))

        def get_layer(self, index):
            return self.layers[index]

        def get_input(self, index):
            return self.inputs[index]

        def get_output(self, index):
            return self.outputs[index]

    trt.Tensor, trt.Layer, trt.INetworkDefinition = Tensor, Layer, INetworkDefinition
    trt.IConvolutionLayer = IConvolutionLayer


def _add_config(trt, number):  # noqa: C901 - classes, one beside the other
    class TimingCache:
        def __init__(self, content):
            self.content = bytes(content)

        def serialize(self):
            return self.content or b"timings"

    class IBuilderConfig(Strict):
        fields = ("profiling_verbosity",)
        fields += ("max_workspace_size",) if number < (10, 0) else ()
        fields += ("progress_monitor",) if number >= (10, 0) else ()

        def __init__(self):
            self.__dict__.update(flags=set(), pools={}, timings=None)
            self.__dict__["profiling_verbosity"] = trt.ProfilingVerbosity.LAYER_NAMES_ONLY
            off = () if number < (10, 0) else ("CUBLAS", "CUBLAS_LT", "CUDNN")
            bits = [1 << int(source) for source in trt.TacticSource if source.name not in off]
            self.__dict__["sources"] = sum(bits)

        def set_flag(self, flag):
            self.flags.add(trt.BuilderFlag(flag))

        def get_tactic_sources(self):
            return self.sources

        def set_tactic_sources(self, tactic_sources):
            if tactic_sources >> len(trt.TacticSource):
                return False
            self.__dict__["sources"] = tactic_sources
            return True

        def create_timing_cache(self, content):
            return TimingCache(content)

        def set_timing_cache(self, cache, ignore_mismatch):
            if cache.content not in (b"", b"timings"):
                return False
            self.__dict__["timings"] = cache
            return True

        def get_timing_cache(self):
            return self.timings

        if number >= (8, 4):

            def set_memory_pool_limit(self, pool, size):
                self.pools[trt.MemoryPoolType(pool)] = size

    trt.IBuilderConfig = IBuilderConfig


def _add_parser(trt, number, faults):  # noqa: C901 - classes, one beside the other
    class ParserError:
        def __init__(self, node, fields):
            self._node, self._fields = node, fields

        def desc(self):
            return "Assertion failed: the fake refuses it"

        def node(self):
            return self._node

        if number >= (10, 0):

            def node_name(self):
                return self._fields.text(3)

            def node_operator(self):
                return self._fields.text(4)

    class OnnxParser:
        def __init__(self, network, logger):
            assert isinstance(network, trt.INetworkDefinition)
            self._network, self._logger, self._errors = network, logger, []

        num_errors = property(lambda self: len(self._errors))

        def get_error(self, index):
            return self._errors[index]

        def parse_from_file(self, path):
            assert isinstance(path, str), "the bindings take no pathlib.Path"
            if number < (10, 0) and not self._network.flags & 1:
                trt.say(self._logger, "ERROR", "ONNX needs a network with explicit batch")
                return False
            self._network.__dict__["onnx"] = Path(path).read_bytes()
            graph = Message(memoryview(self._network.onnx)).messages(7)[-1]
            nodes = graph.messages(1)
            if faults.refused_node is not None:
                index = faults.refused_node
                self._errors.append(ParserError(index, nodes[index]))
                return False
            self._fill(graph, nodes)
            return True

        def _fill(self, graph, nodes):
            tensors = {}

            def tensor(name):
                return tensors.setdefault(name, _tensor(trt, faults.renames(name)))

            weights = {each.text(8): each.numbers(1) for each in graph.messages(5)}
            self._network.inputs.extend(_described(tensor, graph, 11))
            for node in nodes:
                reads = [tensor(name) for name in node.texts(1)]
                makes = [tensor(name) for name in node.texts(2)]
                shapes = [weights[name] for name in node.texts(1) if name in weights]
                channels = shapes[0][0] if node.text(4) == "Conv" and shapes else None
                names = node.text(3), (reads, makes)
                layer = trt.Layer(LAYERS[node.text(4)], *names, channels)
                self._network.layers.append(layer)
            self._network.outputs.extend(_described(tensor, graph, 12))

    trt.OnnxParser = OnnxParser


def _tensor(trt, name):
    integer = getattr(trt.DataType, "INT64", trt.DataType.INT32)
    dtype = integer if name in INTEGER_RESULTS else trt.DataType.FLOAT
    return trt.Tensor(name, dtype)


def _described(tensor, graph, field):
    for value in graph.messages(field):
        kind = value.messages(2)[0].messages(1)[0]
        found = tensor(value.text(1))
        found.shape = tuple(dim.number(1) for dim in kind.messages(2)[0].messages(1))
        yield found


def _add_builder(trt, number, faults):  # noqa: C901 - classes, one beside the other
    class Builder(Strict):
        def __init__(self, logger):
            self.__dict__["logger"] = logger
            if faults.no_cuda:
                trt.say(logger, "ERROR", "CUDA initialization failure with error: 35")
                raise TypeError("pybind11::init(): factory function returned nullptr")

        if number < (11, 0):
            platform_has_fast_fp16 = not faults.slow_fp16
            platform_has_fast_int8 = not faults.slow_int8

        def create_network(self, flags):
            trt.seen.networks.append(trt.INetworkDefinition(flags))
            return trt.seen.networks[-1]

        def create_builder_config(self):
            trt.seen.configs.append(trt.IBuilderConfig())
            return trt.seen.configs[-1]

        def build_serialized_network(self, network, config):
            trt.seen.builds += 1
            if faults.build is not None:
                trt.say(self.logger, "ERROR", faults.build)
                return None
            if not self._all_steps(config):
                return None
            needed = getattr(trt.TacticSource, faults.needs or "", None)
            if needed is not None and not config.sources & 1 << int(needed):
                message = "Could not find any implementation for node {}."
                trt.say(self.logger, "ERROR", message.format(network.layers[0].name))
                return None
            detailed = config.profiling_verbosity == trt.ProfilingVerbosity.DETAILED
            types = [_chosen(trt, layer, network, (config, faults)) for layer in network.layers]
            content = {"layers": types, "detailed": detailed, "tensors": rows_of(network)}
            content["onnx"] = base64.b64encode(network.onnx).decode("ascii")
            return _sealed(content)

        def _all_steps(self, config):
            monitor = getattr(config, "progress_monitor", None)
            if monitor is not None:
                monitor.phase_start("Building engine", None, 4)
            for step in range(4):
                trt.say(self.logger, "VERBOSE", "step {}".format(step))
                if faults.during_build is not None:
                    faults.during_build(step)
                if monitor is not None and not monitor.step_complete("Building engine", step):
                    trt.say(self.logger, "ERROR", "Error Code 7: BuildCanceled")
                    return False
                time.sleep(0.01)
            if monitor is not None:
                monitor.phase_finish("Building engine")
            return True

    trt.Builder = Builder


def _chosen(trt, layer, network, conditions):
    config, faults = conditions
    output = layer.get_output(0).dtype
    if output != trt.DataType.FLOAT:
        return [layer.name, output.name]
    allowed = hasattr(trt.BuilderFlag, "FP16") and trt.BuilderFlag.FP16 in config.flags
    obey = getattr(trt.BuilderFlag, "OBEY_PRECISION_CONSTRAINTS", None)
    held = getattr(layer, "precision", None) if obey in config.flags else None
    if held is None and not faults.ignores_int8 and _can_be_int8(trt, layer, network, config):
        return [layer.name, "Int8"]
    half = allowed and held != trt.DataType.FLOAT and not faults.ignores_fp16
    return [layer.name, "FP16" if half else "FP32"]


def _can_be_int8(trt, layer, network, config):
    if getattr(trt.BuilderFlag, "INT8", None) not in config.flags:
        return False
    makers = {each.get_output(0).name: each.type.name for each in network.layers}
    if "DEQUANTIZE" in makers.values():
        return makers.get(layer.get_input(0).name) == "DEQUANTIZE"
    reads = [layer.get_input(index) for index in range(layer.num_inputs)]
    known = set(makers) | {tensor.name for tensor in network.inputs}
    floats = [tensor for tensor in reads if tensor.name in known] + [layer.get_output(0)]
    return layer.type.name in INT8_LAYERS and all(t.dynamic_range for t in floats)


def _sealed(content):
    text = json.dumps(content).encode("ascii")
    return hashlib.sha256(text).digest() + text


def _add_runtime(trt, number, faults):  # noqa: C901 - classes, one beside the other
    class EngineInspector:
        def __init__(self, content):
            self._content = content

        def get_engine_information(self, form):
            assert form == trt.LayerInformationFormat.JSON
            layers = self._content["layers"]
            if not self._content["detailed"]:
                return json.dumps({"Layers": [name for name, _ in layers], "Bindings": []})
            described = [
                {
                    "Name": name,
                    "Outputs": [
                        {"Name": "x", "Format/Datatype": "Row major linear {} format".format(kind)}
                    ],
                }
                for name, kind in layers
            ]
            return json.dumps({"Layers": described, "Bindings": []})

    class ICudaEngine:
        def __init__(self, content, runtime):
            self._content = content
            self._network = Network(trt, content)
            self._holding = Holding(trt, "engine", runtime) if trt.driver else None

        def create_engine_inspector(self):
            return EngineInspector(self._content)

    class Runtime:
        def __init__(self, logger):
            self._logger = logger
            if faults.no_cuda:
                trt.say(logger, "ERROR", "CUDA initialization failure with error: 35")
                raise TypeError("pybind11::init(): factory function returned nullptr")
            trt.say(logger, "VERBOSE", "a runtime")
            try:
                self._holding = Holding(trt, "runtime") if trt.driver else None
            except MemoryError:
                raise TypeError("pybind11::init(): factory function returned nullptr") from None

        def deserialize_cuda_engine(self, plan):
            seal, text = bytes(plan[:32]), bytes(plan[32:])
            message = faults.not_loadable
            if hashlib.sha256(text).digest() != seal:
                message = "Serialization assertion failed"
            if message is not None:
                trt.say(self._logger, "ERROR", message)
                return None
            try:
                return ICudaEngine(json.loads(text.decode("ascii")), self)
            except MemoryError:
                return None

    trt.ICudaEngine, trt.Runtime = ICudaEngine, Runtime
