"""Where the Q/DQ pairs of TensorRT's form sit in the PyTorch model that the graph was made of.

`calibration.placement` decides on the graph; here each of its places is found again among the
modules. So what is trained is what is exported, by one rule. Layers are matched by the order of
their calls and proven by their weights, sums by the scope that the exporter writes into names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from edgedet.calibration.layers import constants_of, readers_of
from edgedet.calibration.placement import int8_layers, place_tensorrt
from edgedet.runtime.errors import ModelError
from edgedet.runtime.onnx_facts import LEARNED_OPS

from .calls import Call, learned_calls
from .folding import folded_weight
from .plan import Int8Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from onnx import GraphProto, ModelProto

WEIGHT_TOLERANCE = 1e-4
"""Of a folded weight, as a part of the largest of its layer: another order of rounding."""


@dataclass(frozen=True)
class Int8Sites:
    """The places by their modules; tensors by their names in the graph."""

    norms: dict[str, str] = field(default_factory=dict)
    """As `Int8Plan.norms`."""
    inputs: dict[str, str] = field(default_factory=dict)
    """Module -> the tensor that it reads, quantised."""
    outputs: dict[str, str] = field(default_factory=dict)
    """Module -> the tensor that it makes, quantised for all that read it."""

    def plan(self, amax: Mapping[str, float]) -> Int8Plan:
        """Return the places with the amax of their tensors."""
        inputs = {module: amax[tensor] for module, tensor in self.inputs.items()}
        return Int8Plan(self.norms, inputs, {m: amax[name] for m, name in self.outputs.items()})

    def amax(self, plan: Int8Plan) -> dict[str, float]:
        """Return the amax of each tensor in a plan of this very model."""
        found = {tensor: plan.inputs[module] for module, tensor in self.inputs.items()}
        return found | {tensor: plan.outputs[module] for module, tensor in self.outputs.items()}


def int8_sites(model: nn.Module, exported: ModelProto) -> Int8Sites:
    """Return where `model`, in evaluation mode, has to be quantised.

    exported: what `graph_from_torch` makes of it. Raises ModelError for a detector in which some
    place is no module's: one that calls a layer twice, or sums what no module takes or makes.
    """
    return _Search(model, exported.graph).sites()


class _Search:
    def __init__(self, model: nn.Module, graph: GraphProto) -> None:
        self._modules = dict(model.named_modules())
        self._graph = graph
        self._constants = constants_of(graph)
        self._readers = readers_of(graph)
        self._makers = {name: at for at, node in enumerate(graph.node) for name in node.output}
        self._placed = place_tensorrt(graph, int8_layers(graph))
        self._calls = self._matched(learned_calls(model))
        self._found = Int8Sites()

    def sites(self) -> Int8Sites:
        for index in self._placed.layers:
            self._add_layer(index)
        for index, place in sorted(self._placed.edges):
            if index not in self._placed.layers:
                self._add_sum(index, place)
        return self._found

    def _matched(self, calls: list[Call]) -> dict[int, Call]:
        """Return the call behind each node with weights."""
        nodes = [
            index
            for index, node in enumerate(self._graph.node)
            if node.op_type in LEARNED_OPS and node.input[1] in self._constants
        ]
        if len(nodes) != len(calls):
            raise _unfit(f"{len(nodes)} learned layers in the graph, {len(calls)} in PyTorch")
        return dict(zip(nodes, calls, strict=True))

    def _add_layer(self, index: int) -> None:
        call, node = self._calls[index], self._graph.node[index]
        layer = self._modules[call.module]
        if call.module in self._found.norms:
            raise _unfit(f"layer {call.module} called more than once")
        if not isinstance(layer, nn.Conv2d):
            raise _unfit(f"{type(layer).__name__} {call.module} in INT8")
        weights = np.asarray(self._constants[node.input[1]], np.float32)
        self._found.norms[call.module] = self._norm(layer, call, weights)
        self._found.inputs[call.module] = node.input[0]

    def _norm(self, layer: nn.Conv2d, call: Call, weights: NDArray[np.float32]) -> str:
        """Return the normalisation that the exporter has folded into these weights."""
        for name in dict.fromkeys((call.norm, "")):
            norm = self._modules[name] if name else None
            assert norm is None or isinstance(norm, nn.BatchNorm2d)
            if _same(folded_weight(layer.weight, norm), weights):
                return name
        raise _unfit(f"other weights of {call.module} in the graph")

    def _add_sum(self, index: int, place: int) -> None:
        """Note what is quantised at one side of a sum, the other side of which a layer makes."""
        node = self._graph.node[index]
        tensor, fused = node.input[place], node.input[1 - place]
        scope = node.name.rpartition("/")[0] + "/"
        maker = self._makers.get(tensor)
        readers = [at for at in self._readers[tensor] if not self._is_quantised(at, tensor)]
        if maker is not None and self._graph.node[maker].name.startswith(scope):
            if maker not in self._placed.layers or readers:
                raise _unfit(f"the sum {node.name} of what no module makes")
            call = self._calls[maker]
            self._found.outputs[self._found.norms[call.module] or call.module] = tensor
            return
        if any(self._graph.node[at].name.startswith(scope) for at in readers):
            raise _unfit(f"{tensor}, which {scope} reads in INT8 and in float")
        owner = self._caller(self._makers[fused], scope)
        for at in self._readers[tensor]:
            if at in self._placed.layers and self._graph.node[at].name.startswith(scope):
                self._found.inputs.pop(self._calls[at].module, None)
        self._found.inputs[owner] = tensor

    def _caller(self, layer: int, scope: str) -> str:
        """Return the module of a scope around the call of a layer."""
        call = self._calls[layer]
        inner = self._graph.node[layer].name.removeprefix(scope)
        depth: int = inner.count("/")
        if not self._graph.node[layer].name.startswith(scope) or depth >= len(call.stack):
            raise _unfit(f"the scope {scope} of a sum, not around {call.module}")
        owner = call.stack[-1 - depth]
        if owner.arguments != 1:
            raise _unfit(f"a sum in {owner.module}, which takes {owner.arguments} arguments")
        return owner.module

    def _is_quantised(self, index: int, tensor: str) -> bool:
        inputs = enumerate(self._graph.node[index].input)
        return all((index, at) in self._placed.edges for at, name in inputs if name == tensor)


def _same(one: torch.Tensor, other: NDArray[np.float32]) -> bool:
    ours = one.detach().cpu().numpy()
    if ours.shape != other.shape:
        return False
    return bool(
        np.abs(ours - other).max(initial=0) <= WEIGHT_TOLERANCE * np.abs(other).max(initial=0)
    )


def _unfit(found: str) -> ModelError:
    return ModelError(
        "a detector that --qat can follow into its INT8 form",
        found,
        "take INT8 after training, `edgedet export --int8`, or another model",
    )
