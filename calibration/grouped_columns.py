"""The first INT8 convolution on groups of four columns of pixels: the same sums, faster.

A pixel has three channels, and ONNX Runtime's INT8 kernels want a multiple of four: with three it
copies every window of the image first, which made the first convolution of a MobileNetV2 detector
at 512 x 512 a fifth of its time, twice as long as in FP32 (two cores with VNNI).
With the channels last, four pixels that lie side by side are twelve channels of one place, and
nothing has to be moved for that. One window of places holds what several results need, so the
convolution makes the channels of all of them, and they lie in memory where they belong:

    images [N, H, 4 W', 3] is [N, H, W', 12], and [N, H', W', 2 C] is [N, H', 2 W', C].

The weights that a result does not have are 0, so every sum is what it was, to the bit. (On x86
without VNNI ONNX Runtime adds products in pairs, which may not fit into 16 bits, and these are
other pairs.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .additions import Additions
from .layers import chain_of, constants_of, readers_of
from .pixel_entrance import TO_NCHW, UINT8, ints_of, set_ints

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import GraphProto, NodeProto

COLUMNS = 4
"""Of pixels in a group."""
CHANNELS = 3
ENTRANCE = ("Transpose", "DequantizeLinear", "Conv", "QuantizeLinear")
"""From the pixels, with the channels last, to the codes of the first convolution."""
TO_NHWC = [0, 2, 3, 1]


class _Stem(NamedTuple):
    """The beginning of a quantised graph."""

    transpose: NodeProto
    conv: NodeProto
    codes: NodeProto
    """QuantizeLinear of the convolution's result."""
    shape: tuple[int, ...]
    """Of the pixels: N, H, W, 3, borders included."""
    weights: NDArray[np.int8]
    """[C, 3, kernel height, kernel width]."""
    strides_hw: tuple[int, int]

    @property
    def results(self) -> int:
        """Of one group: so many columns of the result."""
        return COLUMNS // self.strides_hw[1]

    @property
    def reach(self) -> int:
        """Groups that the results of one group look at."""
        last: int = (self.results - 1) * self.strides_hw[1] + self.weights.shape[3] - 1
        return last // COLUMNS + 1

    @property
    def result_hw(self) -> tuple[int, int]:
        """Height and width of what the convolution makes."""
        sides = zip(self.shape[1:3], self.weights.shape[2:], self.strides_hw, strict=True)
        height, width = ((side - kernel) // stride + 1 for side, kernel, stride in sides)
        return height, width

    @property
    def groups(self) -> int:
        """That hold all that is looked at."""
        return self.result_hw[1] // self.results - 1 + self.reach


def group_columns(graph: GraphProto) -> None:
    """Let the first convolution of a graph with Q/DQ read groups of pixels, in place.

    Left as it is: a graph that does not begin with uint8 frames [N, H, W, 3] that go into a
    convolution as they are, behind borders at most, as `with_pixel_entrance` writes it; a step of
    one column, which makes many products with 0, or one that does not divide a group; results
    that do not fill their groups.
    """
    stem = _stem_of(graph)
    if stem is None:
        return
    new, replaced = Additions(graph), set(stem.conv.input[1:])
    _enter(graph, stem, new)
    entering = len(new.nodes)
    _leave(stem, new)
    nodes = list(graph.node)
    start, end = nodes.index(stem.transpose), nodes.index(stem.codes) + 1
    before, after = new.nodes[:entering], new.nodes[entering:]
    ordered = [*nodes[:start], *before, *nodes[start:end], *after, *nodes[end:]]
    unread = replaced.difference(*(node.input for node in ordered))
    kept = [node for node in ordered if node.output[0] not in unread]
    del graph.node[:]
    graph.node.extend(kept)


def _enter(graph: GraphProto, stem: _Stem, new: Additions) -> None:
    """Put groups before the convolution, and weights for them into it."""
    stem.transpose.input[0] = _grouped(stem, new)
    conv, codes = stem.conv, [grouped_weights(stem), None]
    for place, values in enumerate(codes[: len(conv.input) - 1], start=1):
        conv.input[place] = _repeated(graph, conv.input[place], values, stem.results, new)
    set_ints(conv, "kernel_shape", [stem.weights.shape[2], stem.reach])
    set_ints(conv, "strides", [stem.strides_hw[0], 1])


def _grouped(stem: _Stem, new: Additions) -> str:
    count, height, width, _ = stem.shape
    name, missing = stem.transpose.input[0], stem.groups * COLUMNS - width
    if missing:  # of which nothing is read
        nothing = np.zeros((count, height, missing, CHANNELS), np.uint8)
        columns = new.constant("pixels_missing", nothing)
        name = new.node("Concat", [name, columns], "pixels_filled", axis=2)
    shape = (count, height, stem.groups, COLUMNS * CHANNELS)
    return _reshaped(name, shape, "pixels_grouped", new)


def _repeated(
    graph: GraphProto,
    name: str,
    codes: NDArray[np.int8] | None,
    times: int,
    new: Additions,
) -> str:
    """Return a weight or bias once for each result of a group. codes: None: as they are."""
    constants = constants_of(graph)
    inputs = next(node.input for node in graph.node if node.output[0] == name)
    first = np.tile(constants[inputs[0]], times) if codes is None else codes
    values = [first, *(np.tile(constants[each], times) for each in inputs[1:])]
    names = [new.constant(*pair) for pair in zip(inputs, values, strict=True)]
    return new.node("DequantizeLinear", names, name, axis=0)


def _leave(stem: _Stem, new: Additions) -> None:
    """Put the columns of the result, which are groups of channels, side by side."""
    made = stem.codes.output[0]
    stem.codes.output[0] = grouped = new.fresh(f"{made}_grouped")
    shape = (stem.shape[0], *stem.result_hw, len(stem.weights))
    last = new.node("Transpose", [grouped], f"{grouped}_last", perm=TO_NHWC)
    single = _reshaped(last, shape, f"{made}_single", new)
    new.node("Transpose", [single], f"{made}_first", perm=TO_NCHW)
    new.nodes[-1].output[0] = made


def _reshaped(name: str, shape: tuple[int, ...], made: str, new: Additions) -> str:
    size = new.constant(f"{made}_shape", np.array(shape, np.int64))
    return new.node("Reshape", [name, size], made)


def grouped_weights(stem: _Stem) -> NDArray[np.int8]:
    """Return [results C, 12, kernel height, reach]: the weights at each place of a group."""
    channels, _, height, width = stem.weights.shape
    shape = (stem.results, channels, stem.reach, COLUMNS, CHANNELS, height)
    placed = np.zeros(shape, np.int8)
    for result in range(stem.results):
        for column in range(width):
            group, place = divmod(result * stem.strides_hw[1] + column, COLUMNS)
            placed[result, :, group, place] = stem.weights[:, :, :, column]
    ordered = placed.transpose(0, 1, 3, 4, 5, 2)
    return ordered.reshape(stem.results * channels, COLUMNS * CHANNELS, height, stem.reach)


def _stem_of(graph: GraphProto) -> _Stem | None:
    """Return the beginning of the graph, None where it is not one that gains."""
    frame = next((v for v in graph.input if v.type.tensor_type.elem_type == UINT8), None)
    if frame is None:
        return None
    sides = [dim.dim_value for dim in frame.type.tensor_type.shape.dim]
    name, shape = _bordered(graph, frame.name, sides)
    chain = chain_of(graph, name, ENTRANCE)
    if chain is None or len(shape) != 4 or shape[3] != CHANNELS or not all(sides):
        return None
    transpose, _, conv, codes = (graph.node[index] for index in chain)
    weights = _weights(graph, conv.input[1])
    strides = ints_of(conv, "strides") or [1, 1]
    plain = not any(ints_of(conv, "pads")) and set(ints_of(conv, "dilations")) <= {1}
    gains = strides[1] > 1 and COLUMNS % strides[1] == 0
    if weights is None or weights.shape[1] != CHANNELS or not plain or not gains:
        return None
    stem = _Stem(transpose, conv, codes, shape, weights, (strides[0], strides[1]))
    fits = stem.result_hw[1] % stem.results == 0 and stem.groups * COLUMNS >= shape[2]
    return stem if fits else None


def _bordered(graph: GraphProto, name: str, sides: list[int]) -> tuple[str, tuple[int, ...]]:
    """Return the frame, of these sides, behind the borders that constants give it; its shape."""
    constants, readers = constants_of(graph), readers_of(graph)
    shape = list(sides)
    while len(nodes := readers.get(name, [])) == 1:
        node = graph.node[nodes[0]]
        borders = [constants[each] for each in node.input if each in constants]
        if node.op_type != "Concat" or len(borders) != len(node.input) - 1:
            break
        axis = next(entry.i for entry in node.attribute if entry.name == "axis")
        shape[axis] += sum(border.shape[axis] for border in borders)
        name = node.output[0]
    return name, tuple(shape)


def _weights(graph: GraphProto, name: str) -> NDArray[np.int8] | None:
    """Return the int8 codes behind a DequantizeLinear of constants; None for another tensor."""
    constants = constants_of(graph)
    makers = [node for node in graph.node if name in node.output]
    codes = constants.get(makers[0].input[0]) if makers else None
    return codes.astype(np.int8) if codes is not None and codes.dtype == np.int8 else None
