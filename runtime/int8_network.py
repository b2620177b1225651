"""A TensorRT that quantises by itself (8.2 to 10) is told the ranges of one calibration.

No calibrator and no cache: each tensor that a layer could compute on in INT8 gets its range by
name. What gets none stays in floating point: the results of the last learned layers, which are
boxes and scores in all but name, and all that is made of them.
"""

import logging
from typing import TYPE_CHECKING, Any, Dict, NamedTuple, Sequence, Tuple

from .decode_tail import behind_learned
from .errors import ModelError
from .int8_scales import Scales
from .network_layers import LEARNED_LAYERS, layers_of, reads_of, steps_of

if TYPE_CHECKING:
    from .tensorrt_flavour import Flavour

HELPER = "(Unnamed Layer"
"""How TensorRT begins the names of tensors that the ONNX file does not have."""
UNNAMED = "node_of_"
"""What TensorRT 10 puts before the tensor of a node without a name to call its layer."""
_SHOWN = 3

_LOGGER = logging.getLogger("edgedet.engine")


class Quantised(NamedTuple):
    """What was said to TensorRT."""

    ranges: int
    """Tensors that have one."""
    without_range: Tuple[str, ...]
    """Tensors that need one, and of which the scales say nothing: the layers around compute in
    floating point."""
    helpers: int
    """The same of tensors that TensorRT made itself, which no scales can know."""
    unused: Tuple[str, ...]
    """Scales of tensors that the network lacks, or has behind its last learned layers."""
    held: int
    """Layers that compute in floating point because the scales say so."""
    biases: int
    """That were replaced."""
    memory: "Tuple[Any, ...]"
    """TensorRT reads it when it builds: to be kept until then."""

    @property
    def facts(self) -> Dict[str, Any]:
        """All but the memory, as JSON types."""
        values = dict(self._asdict())
        del values["memory"]
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}


def quantise(
    flavour: "Flavour", network: Any, scales: Scales, float_type: Any, outputs: Dict[str, str]
) -> Quantised:
    """Give the network ranges, layers that stay in float, and biases.

    float_type: of those layers, trt.DataType.HALF or FLOAT. outputs: `onnx_facts.layer_outputs`.
    Raises ModelError for a layer of the scales that the network lacks: what stays in float was
    chosen by its accuracy, and an engine without it is not the model that was measured.
    """
    layers = _learned_by_name(layers_of(network), outputs)
    for name in scales.float_layers:
        _hold(_named(layers, name), float_type)
    memory = [
        _set_bias(flavour.module, _named(layers, name), bias)
        for name, bias in scales.biases.items()
    ]
    needing = _needing_range(network, flavour.module.DataType.FLOAT)
    amax = scales.amax
    for name, tensor in needing.items():
        if name in amax:
            tensor.dynamic_range = (-amax[name], amax[name])
    lacking = [name for name in needing if name not in amax]
    helpers = sum(name.startswith(HELPER) for name in lacking)
    found = Quantised(
        ranges=len(needing) - len(lacking),
        without_range=tuple(name for name in lacking if not name.startswith(HELPER)),
        helpers=helpers,
        unused=tuple(sorted(set(amax) - set(needing))),
        held=len(scales.float_layers),
        biases=len(memory),
        memory=tuple(memory),
    )
    _tell(found)
    return found


def _needing_range(network: Any, float_type: Any) -> Dict[str, Any]:
    """Return the tensors, by name, that a layer with a learned one behind it reads, and that
    follow from the image.
    """
    layers = layers_of(network)
    tail = behind_learned(steps_of(layers))
    inputs = [network.get_input(index) for index in range(network.num_inputs)]
    following = {tensor.name for tensor in inputs}
    found: Dict[str, Any] = {}
    for index, layer in enumerate(layers):
        reads = [tensor for tensor in reads_of(layer) if tensor.name in following]
        if reads:
            following.update(layer.get_output(i).name for i in range(layer.num_outputs))
        if index not in tail:
            found.update((t.name, t) for t in reads if t.dtype == float_type)
    return found


def _learned_by_name(layers: Sequence[Any], outputs: Dict[str, str]) -> Dict[str, Any]:
    """Return the learned layers by the names of their ONNX nodes."""
    learned = [layer for layer in layers if layer.type.name in LEARNED_LAYERS]
    by_name = {layer.name: layer for layer in learned}
    by_output = {layer.get_output(0).name: layer for layer in learned}
    found = {}
    for name, output in outputs.items():
        layer = by_name.get(name) or by_name.get(UNNAMED + name) or by_output.get(output)
        if layer is not None:
            found[name] = layer
    return found


def _named(layers: Dict[str, Any], name: str) -> Any:
    if name not in layers:
        expected = "a layer {} of the network, of which the scales speak".format(name)
        fix = "build with --precision fp16, and report this with the version of TensorRT"
        raise ModelError(expected, "none", fix)
    return layers[name]


def _hold(layer: Any, dtype: Any) -> None:
    layer.precision = dtype
    layer.set_output_type(0, dtype)


def _set_bias(trt: Any, layer: Any, bias: Sequence[float]) -> Any:
    """Return the memory that the layer reads from now on."""
    import numpy as np

    # The network hands out its layers as ILayer, which has no bias.
    layer.__class__ = trt.IConvolutionLayer
    values = np.array(bias, dtype=np.float32)
    if layer.num_output_maps != len(values):
        expected = "a bias for each of the {} channels of {}".format(
            layer.num_output_maps, layer.name
        )
        raise ModelError(expected, str(len(values)), "calibrate this model again")
    layer.bias = values
    return values


def _tell(found: Quantised) -> None:
    line = "INT8: %d tensors have a range, %d layers stay in floating point"
    _LOGGER.info(line, found.ranges, found.held)
    if found.without_range:
        shown = ", ".join(found.without_range[:_SHOWN])
        more = len(found.without_range) - _SHOWN
        rest = " and {} more".format(more) if more > 0 else ""
        line = "INT8: no range of %s%s: the layers around stay in floating point"
        _LOGGER.warning(line, shown, rest)
