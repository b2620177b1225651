"""What scales.json says to a TensorRT that quantises by itself (8.2 to 10), besides the scales.

Such a TensorRT gets the FP32 graph, and has to be told what the Q/DQ form of the same calibration
has in its graph: which layers stay in float, and which biases make up for the rounding of weights.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from edgedet.runtime.decode_tail import behind_learned
from edgedet.runtime.int8_scales import Scales
from edgedet.runtime.onnx_facts import LEARNED_OPS

from .bias_correction import CORRECTED_OP, Means, correct_biases
from .layers import constants_of, edges_of, layer_name, steps_of
from .placement import int8_layers
from .tensors import activation_names

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto


def engine_scales(
    model: ModelProto,
    scales: Scales,
    float_layers: Collection[str] = frozenset(),
    means: Means | None = None,
) -> Scales:
    """Return `scales` with what `qdq_model(model, ..., "tensorrt", float_layers, means=means)` has
    in its graph: to be written as scales.json.

    model: in FP32. float_layers: names of layers that the gate sent back; the head and what has no
    constant weights are added. means: None leaves all biases as they are. Raises ModelError for
    means of another model.
    """
    layers = int8_layers(model.graph, float_layers)
    kept = [
        layer_name(node)
        for index, node in enumerate(model.graph.node)
        if node.op_type in LEARNED_OPS and index not in layers
    ]
    biases = {} if means is None else _biases(model.graph, layers, means)
    return scales._replace(float_layers=tuple(kept), biases=biases)


def ranged_tensors(model: ModelProto) -> tuple[str, ...]:
    """Return the activations, by name, that need a range for INT8: those that a node reads which
    has a learned one behind it. What the last learned layers make is not among them.

    `int8_network` finds the same in TensorRT's network.
    """
    graph = model.graph
    tail = behind_learned(steps_of(graph))
    read = {name for at, _, name in edges_of(graph) if at not in tail}
    return tuple(name for name in activation_names(model) if name in read)


def _biases(
    graph: GraphProto, layers: dict[int, int], means: Means
) -> dict[str, tuple[float, ...]]:
    """Return the corrected bias of each convolution, in digits that FP32 needs."""
    corrected = type(graph)()
    corrected.CopyFrom(graph)
    correct_biases(corrected, layers, means)
    constants = constants_of(corrected)
    found = {}
    for index in layers:
        node = corrected.node[index]
        if node.op_type == CORRECTED_OP and len(node.input) > 2 and node.input[2] in constants:
            values = np.asarray(constants[node.input[2]], np.float32)
            found[layer_name(node)] = tuple(float(str(value)) for value in values)
    return found
