"""In which order layers go back to float: those first that lose most for what they cost in float.

A layer at the full size of the image may take a fifth of the time, and one of the last convolutions
a hundredth: where both lose alike, the latter goes first, so that INT8 stays worth its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgedet.calibration.layers import layer_name
from edgedet.export.graph_view import GraphView
from edgedet.export.layer_table import Layer, layer_table

if TYPE_CHECKING:
    from onnx import ModelProto

    from edgedet.calibration.sensitivity import Loss

FLOAT_BYTES = 4
MACS_OF_A_BYTE = 16
"""Multiply-accumulates that take as long as a byte from memory: 240 GMAC/s and 15 GB/s were
measured on two cores; GPUs lie above, which moves layers of the same kind alike."""


def repair_order(model: ModelProto, losses: Sequence[Loss]) -> tuple[str, ...]:
    """Return the names of the layers by the noise that each makes alone over its cost in float.

    Raises ModelError for a graph whose shapes are not all known.
    """
    table = layer_table(GraphView(model)).layers
    names = {node.output[0]: layer_name(node) for node in model.graph.node}
    costs = {names[layer.writes[0].name]: _cost(layer) for layer in table}
    typical = sorted(costs.values())[len(costs) // 2]

    def worth(loss: Loss) -> float:
        noise: float = 10 ** (-loss.snr_db / 10)
        return noise / max(costs.get(loss.layer, typical), 1)

    ranked = sorted(losses, key=lambda loss: (-worth(loss), loss.layer))
    return tuple(loss.layer for loss in ranked)


def _cost(layer: Layer) -> float:
    """Return what it moves in float and multiplies, in bytes."""
    tensors = (*layer.reads, *layer.writes, *layer.weights)
    moved = sum(tensor.bytes(FLOAT_BYTES) for tensor in tensors)
    return moved + layer.macs / MACS_OF_A_BYTE
