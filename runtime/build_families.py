"""The two ways in which TensorRT takes a precision, behind one interface.

Weakly typed (8.2 to 10): the graph is FP32 and flags allow FP16 and INT8. Strongly typed (11,
TensorRT-RTX): the graph says the type of each tensor, with Q/DQ for INT8, and no flag exists; a
build that only skips the missing flag is silently FP32.
"""

from typing import TYPE_CHECKING, Any, Iterator, NamedTuple, Union

from .decode_tail import decode_tail
from .engine_options import INT8, EngineOptions
from .errors import DeviceError, ModelError, UsageError
from .layer_precisions import Shares, shares_of_network, shares_of_plan
from .network_layers import LEARNED_LAYERS, layers_of, reads_of, steps_of

if TYPE_CHECKING:
    from .tensorrt_flavour import Flavour

HELD_LAYERS = ("ACTIVATION", "ELEMENTWISE", "REDUCE", "SCALE", "SOFTMAX", "TOPK", "UNARY")
"""Layers that compute: the others of the tail only move values, or TensorRT refuses them a
precision."""


class Work(NamedTuple):
    """The objects of one build."""

    builder: Any
    network: Any
    config: Any


class WeaklyTyped:
    """FP32 in the graph, FP16 and INT8 by flags; what turns numbers into boxes held in FP32."""

    def __init__(self, flavour: "Flavour") -> None:
        self._flavour = flavour

    def network_flags(self) -> int:
        """The argument of `create_network`."""
        if not self._flavour.can.explicit_batch_flag:
            return 0
        return 1 << int(self._flavour.module.NetworkDefinitionCreationFlag.EXPLICIT_BATCH)

    def prepare(self, work: Work, options: EngineOptions) -> None:
        """Set the precision; DeviceError when the GPU gains nothing from it."""
        trt = self._flavour.module
        # Without it the inspector tells the names of layers only, and no precision.
        work.config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
        if options.precision == "fp32":
            return
        _require_fast(work.builder, options.precision)
        if options.precision == INT8:
            work.config.set_flag(trt.BuilderFlag.INT8)
        # Always beside INT8: what is not INT8 would be FP32, which makes it slower than FP16.
        if work.builder.platform_has_fast_fp16:
            work.config.set_flag(trt.BuilderFlag.FP16)
        if self._flavour.can.layer_precision:
            work.config.set_flag(trt.BuilderFlag.OBEY_PRECISION_CONSTRAINTS)
            for layer in _to_hold(work.network, trt):
                layer.precision = trt.DataType.FLOAT
                layer.set_output_type(0, trt.DataType.FLOAT)

    def float_type(self, work: Work) -> Any:
        """The type of layers that are not to be INT8."""
        types = self._flavour.module.DataType
        return types.HALF if work.builder.platform_has_fast_fp16 else types.FLOAT

    def precisions(self, work: Work, plan: Any) -> Shares:
        """What TensorRT chose, read from the engine."""
        return shares_of_plan(self._flavour, plan)


class StronglyTyped:
    """The precision is in the graph; here it is only checked, and the targets are named."""

    def __init__(self, flavour: "Flavour") -> None:
        self._flavour = flavour

    def network_flags(self) -> int:
        """The argument of `create_network`; always on where the flag has gone."""
        flags = self._flavour.module.NetworkDefinitionCreationFlag
        return 1 << int(flags.STRONGLY_TYPED) if hasattr(flags, "STRONGLY_TYPED") else 0

    def prepare(self, work: Work, options: EngineOptions) -> None:
        """Name the targets; ModelError for a graph of another precision than was asked."""
        found = shares_of_network(work.network, LEARNED_LAYERS)
        if not found.satisfies(options.precision):
            expected = "a graph in {}: {} takes the precision from it".format(
                options.precision.upper(), self._flavour.title
            )
            layers = "learned layers: {}".format(found)
            raise ModelError(expected, layers, _graph_with(options.precision))
        if self._flavour.can.compute_targets:
            _name_targets(self._flavour, work.config, options)

    def precisions(self, work: Work, plan: Any) -> Shares:
        """What the graph says, which is what such a TensorRT runs."""
        return shares_of_network(work.network, LEARNED_LAYERS)


def family_of(flavour: "Flavour") -> "Union[WeaklyTyped, StronglyTyped]":
    """Return the way of this TensorRT."""
    return WeaklyTyped(flavour) if flavour.can.weakly_typed else StronglyTyped(flavour)


def _require_fast(builder: Any, precision: str) -> None:
    if precision == INT8 and not builder.platform_has_fast_int8:
        fix = "build with --precision fp16"
        raise DeviceError("a GPU that computes in INT8", "one that does not", fix)
    if precision == "fp16" and not builder.platform_has_fast_fp16:
        fix = "build with precision fp32, which is as fast there"
        raise DeviceError("a GPU that is faster in FP16", "one that is not", fix)


def _graph_with(precision: str) -> str:
    """What to do for a graph of that precision."""
    if precision == INT8:
        return "give the .int8.tensorrt.onnx of `edgedet export --int8`, which has Q/DQ in it"
    return "export the model with `edgedet export --trt`, which writes one for each"


def _name_targets(flavour: "Flavour", config: Any, options: EngineOptions) -> None:
    known = flavour.module.ComputeCapability
    config.num_compute_capabilities = len(options.compute_capabilities)
    for index, name in enumerate(options.compute_capabilities):
        target = getattr(known, "SM" + name.replace(".", ""), None)
        if target is None:
            fix = "see https://docs.nvidia.com/deeplearning/tensorrt-rtx for those it supports"
            raise UsageError("a compute capability that {} knows".format(flavour.title), name, fix)
        config.set_compute_capability(target, index)


def _to_hold(network: Any, trt: Any) -> Iterator[Any]:
    """The layers to keep in FP32: those behind the last learned one that compute in float."""
    layers = layers_of(network)
    for index in sorted(decode_tail(steps_of(layers))):
        layer = layers[index]
        tensors = [*reads_of(layer), layer.get_output(0)]
        floats = all(tensor.dtype == trt.DataType.FLOAT for tensor in tensors)
        if layer.type.name in HELD_LAYERS and floats:
            yield layer
