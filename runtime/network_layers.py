"""The layers of a TensorRT network, and what each is to us."""

from typing import Any, List, Sequence

from .decode_tail import Step

LEARNED_LAYERS = ("CONVOLUTION", "DECONVOLUTION", "FULLY_CONNECTED", "MATRIX_MULTIPLY")
MOVING_LAYERS = ("CONCATENATION", "IDENTITY", "SHUFFLE", "SLICE")


def layers_of(network: Any) -> List[Any]:
    """Return the layers in the order of execution."""
    return [network.get_layer(index) for index in range(network.num_layers)]


def reads_of(layer: Any) -> List[Any]:
    """Return the tensors that a layer reads."""
    tensors = [layer.get_input(index) for index in range(layer.num_inputs)]
    return [tensor for tensor in tensors if tensor is not None]  # optional ones are None


def steps_of(layers: Sequence[Any]) -> List[Step]:
    """Return the layers as `decode_tail` sees them."""
    return [_step(layer) for layer in layers]


def _step(layer: Any) -> Step:
    kind = layer.type.name
    outputs = [layer.get_output(index) for index in range(layer.num_outputs)]
    return Step(
        learned=kind in LEARNED_LAYERS,
        moves=kind in MOVING_LAYERS,
        inputs=tuple(tensor.name for tensor in reads_of(layer)),
        outputs=tuple(tensor.name for tensor in outputs),
    )
