"""What each layer of an ONNX graph computes and moves, counted from shapes alone.

A layer is a node that is left when the model runs: what depends on constants or shapes only is
computed when an engine is built, and what only looks at its data in another shape costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from edgedet.runtime.errors import ModelError

from .graph_view import SHAPE_READERS, GraphView, NodeView

VIEWS = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout"})
"""They give their data another shape, and move none of it."""
PICKERS = frozenset({"Slice", "Split", "Gather", "GatherElements", "GatherND"})
"""They read no more than they write."""
ATTENTION = frozenset({"Attention", "FlexAttention", "LinearAttention"})
RECURRENT = frozenset({"CausalConvWithState", "GRU", "LSTM", "RNN"})
UNCOUNTED = ATTENTION | RECURRENT | {"DFT", "DeformConv", "Einsum", "RoiAlign", "STFT"}
"""They multiply, and are not counted here."""
BRANCHES = frozenset({"If", "Loop", "Scan"})
FLOATS = frozenset({"FP32", "FP16", "BF16", "FP64"})
FIXED_BYTES = {"INT64": 4, "INT32": 4, "UINT32": 4, "UINT64": 4, "INT16": 2, "UINT16": 2}
"""Of what is no float; all others take one. TensorRT 8 computes INT64 in 32 bits."""
WINOGRAD_KERNEL = [3, 3]


class Tensor(NamedTuple):
    """A tensor as a layer reads or writes it."""

    name: str
    elements: int
    fixed_bytes: int | None
    """Bytes of an element; None for a float, whose size the engine's precision decides."""

    def bytes(self, float_bytes: int) -> int:
        """Return its size where a float takes `float_bytes`."""
        return self.elements * (float_bytes if self.fixed_bytes is None else self.fixed_bytes)


@dataclass(frozen=True)
class Layer:
    """One node that does something when the model runs."""

    name: str
    op_type: str
    module: str | None
    """The PyTorch module it came from, where its exporter said so."""
    macs: int
    """Multiply-accumulates; 0 for all but convolutions and matrix products."""
    grouped: bool
    """A convolution whose groups do not see each other, such as a depthwise one."""
    winograd: bool
    """A dense 3x3 convolution of stride 1: there are ways to compute it with fewer products."""
    weights: tuple[Tensor, ...]
    """Constants that it reads."""
    reads: tuple[Tensor, ...]
    """What other layers or the caller made."""
    writes: tuple[Tensor, ...]
    least_reads: tuple[Tensor, ...]
    """As `reads`, with whatever stands between it and an earlier layer with weights computed on
    the way: of each the smallest tensor on that way."""
    least_writes: tuple[Tensor, ...]
    """As `writes`, on the way to a later one."""


@dataclass(frozen=True)
class LayerTable:
    """A graph as its cost."""

    layers: tuple[Layer, ...]
    """In the order of the graph."""
    batch: int
    """Images of one run: the first axis of the first input."""
    parameters: int
    """Elements of its float constants."""
    float_types: frozenset[str]
    """Of FP32, FP16 and so on: the types of those constants."""
    quantised: bool
    """Has QuantizeLinear: parts of it are to run in INT8."""
    uncounted: tuple[str, ...]
    """Nodes whose products are unknown here, and missing in `macs`."""

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run."""
        return sum(layer.macs for layer in self.layers)


def layer_table(graph: GraphView) -> LayerTable:
    """Return the layers of a graph with static shapes.

    Raises ModelError for a graph with branches or loops, or with shapes that its file leaves open:
    what those cost depends on what they are given.
    """
    _require_straight(graph)
    live = list(_live(graph))
    chains = _Chains(graph, live)
    layers = tuple(_layer(node, chains) for node in live if node.op_type not in VIEWS)
    kinds = {graph.dtype(name) for name in graph.constants if graph.dtype(name) in FLOATS}
    return LayerTable(
        layers=layers,
        batch=_batch(graph),
        parameters=_parameters(layers),
        float_types=frozenset(kind for kind in kinds if kind),
        quantised=any(node.op_type == "QuantizeLinear" for node in graph.nodes),
        uncounted=tuple(node.name for node in live if _is_uncounted(node)),
    )


def _require_straight(graph: GraphView) -> None:
    for node in graph.nodes:
        if node.op_type in BRANCHES:
            found = f"{node.op_type} ({node.name})"
            raise ModelError("a graph without branches and loops", found, "measure it instead")


def _live(graph: GraphView) -> Iterator[NodeView]:
    """Yield the nodes that depend on values of the input, in order."""
    known = {value.name for value in graph.inputs}
    for node in graph.nodes:
        if node.op_type not in SHAPE_READERS and known.intersection(node.node.input):
            known.update(node.node.output)
            yield node


class _Chains:
    """Ways between layers with weights along which nothing branches or joins."""

    def __init__(self, graph: GraphView, live: list[NodeView]) -> None:
        self.graph = graph
        self._makers = {name: node for node in live for name in node.node.output if name}
        self._readers: dict[str, list[NodeView]] = {}
        for node in live:
            for name in set(filter(None, node.node.input)):
                self._readers.setdefault(name, []).append(node)
        self._alive = set(self._makers) | {value.name for value in graph.inputs}
        self._outputs = {value.name for value in graph.outputs}

    def tensor(self, name: str, node: NodeView) -> Tensor:
        shape, dtype = self.graph.shape(name), self.graph.dtype(name)
        if shape is None or dtype is None or any(length is None or length < 0 for length in shape):
            expected = "a graph whose shapes are all static"
            found = f"{node.op_type} ({node.name}) with {name} of unknown shape"
            raise ModelError(expected, found, "export it for one input size and batch")
        fixed = None if dtype in FLOATS else FIXED_BYTES.get(dtype, 1)
        return Tensor(name, prod(length for length in shape if length is not None), fixed)

    def activations(self, node: NodeView) -> list[str]:
        return [name for name in dict.fromkeys(node.node.input) if name in self._alive]

    def constants(self, node: NodeView) -> list[str]:
        names = dict.fromkeys(filter(None, node.node.input))
        return [name for name in names if name not in self._alive]

    def least_before(self, name: str, node: NodeView) -> Tensor:
        least = self.tensor(name, node)
        while True:
            maker = self._makers.get(name)
            if maker is None or _multiplies(maker) or len(self.activations(maker)) != 1:
                return least
            name = self.activations(maker)[0]
            least = min(least, self.tensor(name, maker), key=_full_size)

    def least_after(self, name: str, node: NodeView) -> Tensor:
        least = self.tensor(name, node)
        while name not in self._outputs:
            readers = self._readers.get(name, [])
            if len(readers) != 1 or _multiplies(readers[0]):
                break
            name = readers[0].output(0)
            least = min(least, self.tensor(name, readers[0]), key=_full_size)
        return least


def _full_size(tensor: Tensor) -> int:
    return tensor.bytes(4)


def _layer(node: NodeView, chains: _Chains) -> Layer:
    names = chains.activations(node)
    reads = tuple(chains.tensor(name, node) for name in names)
    outputs = [name for name in node.node.output if name and _is_used(name, chains.graph)]
    writes = tuple(chains.tensor(name, node) for name in outputs)
    if node.op_type in PICKERS:
        written = sum(tensor.elements for tensor in writes)
        first = reads[0]._replace(elements=min(reads[0].elements, written))
        reads = (first, *reads[1:])
    return Layer(
        name=node.name,
        op_type=node.op_type,
        module=node.module,
        macs=_macs(node, chains),
        grouped=_groups(node) > 1,
        winograd=_suits_winograd(node),
        weights=tuple(chains.tensor(name, node) for name in chains.constants(node)),
        reads=reads,
        writes=writes,
        least_reads=tuple(chains.least_before(name, node) for name in names),
        least_writes=tuple(chains.least_after(name, node) for name in outputs),
    )


def _is_used(name: str, graph: GraphView) -> bool:
    """Whether anything reads it: of TopK's two outputs often one is for nobody."""
    return name in graph.readers or name in {value.name for value in graph.outputs}


def _multiplies(node: NodeView) -> bool:
    return node.op_type in COUNTS or _is_uncounted(node)


def _is_uncounted(node: NodeView) -> bool:
    return node.op_type in UNCOUNTED or not node.is_standard


def _macs(node: NodeView, chains: _Chains) -> int:
    count = COUNTS.get(node.op_type) if node.is_standard else None
    return 0 if count is None else count(node, chains)


def _of_convolution(node: NodeView, chains: _Chains) -> int:
    """Weights [M, C/group, kH, kW]: each output element takes C/group * kH * kW products."""
    return _elements(node.output(0), node, chains) * prod(_shape(node.input(1), node, chains)[1:])


def _of_quantised_convolution(node: NodeView, chains: _Chains) -> int:
    """As `_of_convolution`; of the eight inputs the weights are the fourth."""
    return _elements(node.output(0), node, chains) * prod(_shape(node.input(3), node, chains)[1:])


def _of_transposed(node: NodeView, chains: _Chains) -> int:
    """Weights [C, M/group, kH, kW]: each input element takes part in M/group * kH * kW."""
    return _elements(node.input(0), node, chains) * prod(_shape(node.input(1), node, chains)[1:])


def _of_product(node: NodeView, chains: _Chains) -> int:
    """[..., M, K] x [..., K, N]: each output element takes K products."""
    return _elements(node.output(0), node, chains) * _shape(node.input(0), node, chains)[-1]


def _of_gemm(node: NodeView, chains: _Chains) -> int:
    shape = _shape(node.input(0), node, chains)
    depth = shape[0] if node.attribute("transA") else shape[1]
    return _elements(node.output(0), node, chains) * depth


COUNTS = {
    "Conv": _of_convolution,
    "ConvInteger": _of_convolution,
    "ConvTranspose": _of_transposed,
    "Gemm": _of_gemm,
    "MatMul": _of_product,
    "MatMulInteger": _of_product,
    "QLinearConv": _of_quantised_convolution,
    "QLinearMatMul": _of_product,
}
"""Operators with multiply-accumulates -> how many."""


def _elements(name: str, node: NodeView, chains: _Chains) -> int:
    return chains.tensor(name, node).elements


def _shape(name: str, node: NodeView, chains: _Chains) -> list[int]:
    chains.tensor(name, node)  # refuses what is unknown
    return [length or 0 for length in chains.graph.shape(name) or ()]


def _groups(node: NodeView) -> int:
    groups = node.attribute("group") if "Conv" in node.op_type else None
    return 1 if groups is None else int(groups)


def _suits_winograd(node: NodeView) -> bool:
    if node.op_type != "Conv" or _groups(node) > 1:
        return False
    kernel = list((node.shape(1) or ())[2:])
    alone = [node.attribute(name) or [1, 1] for name in ("strides", "dilations")]
    return kernel == WINOGRAD_KERNEL and all(list(steps) == [1, 1] for steps in alone)


def _batch(graph: GraphView) -> int:
    shape = graph.shape(graph.inputs[0].name) if graph.inputs else None
    return (shape[0] if shape else None) or 1


def _parameters(layers: tuple[Layer, ...]) -> int:
    weights = {tensor for layer in layers for tensor in layer.weights if tensor.fixed_bytes is None}
    return sum(tensor.elements for tensor in weights)
