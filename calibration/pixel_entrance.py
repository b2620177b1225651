"""Camera frames into the first INT8 convolution as they are, without a number between in float.

A graph that takes uint8 frames subtracts the mean in float, where the image is largest, and
quantises the result: measured on a MobileNetV2 detector at 512 x 512 that is 4.0 of 18.6 ms, as
ONNX Runtime 1.31 subtracts a mean with the channels last. But a pixel is a uint8 code of scale 1
already. So the frame goes straight into the convolution, and the mean into its bias:

    sum w (x - m) = sum w x - sum w m,

with the weights that int8 keeps, or their rounding would be multiplied by the mean. Padding is 0
behind the subtraction, so it is the mean before: a border of pixels round(m) takes its place,
which is off by at most half a grey level.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .additions import Additions
from .affine import UINT8_MAX
from .layers import chain_of, constants_of
from .tensors import FLOAT
from .weights import rounded_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import GraphProto, NodeProto

PIXELS = (0.0, float(UINT8_MAX))
"""Range of the codes of a pixel, and so of its values: the scale is 1."""
UINT8 = 2
"""Of TensorProto.DataType."""
TO_NCHW = [0, 3, 1, 2]


class _Entrance(NamedTuple):
    """images [N, H, W, 3] -> Cast -> Transpose -> Sub mean -> Conv, and nothing else."""

    nodes: tuple[NodeProto, NodeProto, NodeProto]
    conv: NodeProto
    place: int
    """Of the convolution among the nodes."""
    kernel_hw: tuple[int, int]
    mean: NDArray[np.float32]
    """[3] grey levels, in the order of the frame's channels."""
    shape: tuple[int, int, int, int]
    """Of the frame: N, H, W, 3."""


def with_pixel_entrance(graph: GraphProto, layers: Mapping[int, int]) -> tuple[str, ...]:
    """Let the first convolution read pixels 0..255, in place, where the graph begins like that and
    the convolution is one of the INT8 layers (node index -> axis of channels).

    Returns the name of that new tensor, () without. It is the result of a Cast, which
    `bare_pixels` removes when the graph is quantised.
    """
    entrance = _entrance_of(graph)
    if entrance is None or entrance.place not in layers:
        return ()
    return (_Entering(graph, entrance).apply(),)


def bare_pixels(graph: GraphProto, pixels: tuple[str, ...]) -> None:
    """Remove the Cast that makes these tensors and the node that quantises them, in place: the
    pixels are codes of scale 1 already.
    """
    removed = [
        node
        for node in graph.node
        if pixels and (node.output[0] in pixels or {*node.input[:1]} & {*pixels})
    ]
    if not removed:
        return
    cast, quantize = removed
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name == quantize.output[0]:
                node.input[place] = cast.input[0]
    graph.node.remove(cast)
    graph.node.remove(quantize)


class _Entering:
    """One rewriting of one graph."""

    def __init__(self, graph: GraphProto, entrance: _Entrance) -> None:
        self._graph = graph
        self._entrance = entrance
        self._constants = constants_of(graph)
        self._new = Additions(graph)

    def apply(self) -> str:
        """Rewrite the graph and return the name of the tensor of pixels."""
        conv, old = self._entrance.conv, self._entrance.nodes
        framed = self._framed(old[0].input[0])
        planes = self._new.node("Transpose", [framed], "pixels_transpose", perm=TO_NCHW)
        pixels = self._new.node("Cast", [planes], "pixels_cast", to=FLOAT)
        weights = np.asarray(self._constants[conv.input[1]], np.float32)
        bias = self._bias(weights)
        names = [self._new.constant("pixels_weights", rounded_weights(weights, 0)), bias]
        del conv.input[:]
        conv.input.extend([pixels, *names])
        set_ints(conv, "pads", [0, 0, 0, 0])
        kept = [node for node in self._graph.node if node not in old]
        del self._graph.node[:]
        self._graph.node.extend([*self._new.nodes, *kept])
        return pixels

    def _framed(self, images: str) -> str:
        """Return the frame with the border that the convolution would pad, of the mean's pixels."""
        count, height, width, _ = self._entrance.shape
        (top, bottom), (left, right) = _padding(self._entrance)
        rows = self._bordered(images, 1, ((count, top, width), (count, bottom, width)))
        height += top + bottom
        return self._bordered(rows, 2, ((count, height, left), (count, height, right)))

    def _bordered(self, name: str, axis: int, sizes: tuple[tuple[int, int, int], ...]) -> str:
        pixel = np.rint(self._entrance.mean).astype(np.uint8)
        before, after = (
            [self._new.constant("pixels_border", np.broadcast_to(pixel, (*size, 3)))]
            if min(size)
            else []
            for size in sizes
        )
        if not before and not after:
            return name
        return self._new.node("Concat", [*before, name, *after], "pixels_concat", axis=axis)

    def _bias(self, weights: NDArray[np.float32]) -> str:
        """Return the bias less what the weights, as int8 keeps them, make of the mean."""
        given = self._entrance.conv.input[2:]
        bias = np.asarray(self._constants[given[0]], np.float64) if given else 0.0
        kept = rounded_weights(weights, 0).astype(np.float64)
        shift = np.einsum("ochw,c->o", kept, self._entrance.mean.astype(np.float64))
        return self._new.constant("pixels_bias", (bias - shift).astype(np.float32))


def _entrance_of(graph: GraphProto) -> _Entrance | None:
    """Return the beginning of a graph that takes uint8 frames, None where it is another one."""
    frame = next((v for v in graph.input if v.type.tensor_type.elem_type == UINT8), None)
    if frame is None:
        return None
    constants = constants_of(graph)
    chain = chain_of(graph, frame.name, ("Cast", "Transpose", "Sub", "Conv"))
    if chain is None:
        return None
    cast, transpose, sub, conv = (graph.node[index] for index in chain)
    shape = tuple(dim.dim_value for dim in frame.type.tensor_type.shape.dim)
    mean = constants.get(sub.input[1])
    if len(shape) != 4 or shape[3] != 3 or not all(shape) or mean is None or mean.size != 3:
        return None
    if ints_of(transpose, "perm") != TO_NCHW or mean.shape[-3:] != (3, 1, 1):
        return None
    if not _is_plain(conv, constants):
        return None
    flat = np.asarray(mean, np.float32).reshape(3)
    kernel_hw = constants[conv.input[1]].shape[2:]
    return _Entrance((cast, transpose, sub), conv, chain[-1], kernel_hw, flat, shape)


def _is_plain(conv: NodeProto, constants: Mapping[str, NDArray[np.generic]]) -> bool:
    """Whether it mixes all three channels, with weights and padding known before."""
    known = all(name in constants for name in conv.input[1:])
    named = any(entry.name == "auto_pad" and entry.s != b"NOTSET" for entry in conv.attribute)
    return known and not named and constants[conv.input[1]].shape[1] == 3


def _padding(entrance: _Entrance) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (before, after) of rows and columns, as far as the convolution reads them."""
    pads = ints_of(entrance.conv, "pads") or [0, 0, 0, 0]
    strides = ints_of(entrance.conv, "strides") or [1, 1]
    spread = ints_of(entrance.conv, "dilations") or [1, 1]
    found = []
    for side in range(2):
        reach = (entrance.kernel_hw[side] - 1) * spread[side] + 1
        length, before = entrance.shape[1 + side], pads[side]
        steps = (length + before + pads[2 + side] - reach) // strides[side]
        found.append((before, max(0, steps * strides[side] + reach - length - before)))
    return found[0], found[1]


def ints_of(node: NodeProto, name: str) -> list[int]:
    """Return an attribute, [] where it is not there."""
    return next((list(entry.ints) for entry in node.attribute if entry.name == name), [])


def set_ints(node: NodeProto, name: str, values: list[int]) -> None:
    """Set an attribute, where it is there."""
    for entry in node.attribute:
        if entry.name == name:
            del entry.ints[:]
            entry.ints.extend(values)
