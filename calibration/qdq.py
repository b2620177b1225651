"""INT8 written into the graph: pairs of QuantizeLinear and DequantizeLinear (Q/DQ).

`tensorrt`: symmetric int8, weights with a scale for each channel, biases in float: what TensorRT
10, 11 and TensorRT-RTX read. `cpu`: asymmetric uint8 activations, biases in int32, which ONNX
Runtime turns into its int8 kernels. What makes boxes and scores stays float in both.

The writing is our own. ONNX Runtime's `quantize_static` takes the scales of others only by a cache
file, which 1.31 has and 1.16, the oldest that we take, has not. It gives TensorRT both sides of
each sum in int8, where one is fused, and its form for the CPU converts the pixels at a fifth of
the cost of the network (see `pixel_entrance`). The tests compare with the class behind it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from edgedet.runtime.errors import ModelError, UsageError
from edgedet.runtime.spec import SPEC_KEY, spec_from_json, spec_to_json

from .additions import Additions
from .affine import Affine, covered
from .bias_correction import Means, correct_biases
from .grouped_columns import group_columns
from .layers import constants_of, layer_name
from .pixel_entrance import PIXELS, bare_pixels, with_pixel_entrance
from .placement import FORMS, Form, Placement, int8_layers, place_cpu, place_tensorrt
from .ranges import Clips, asymmetric_codes, clips_by_sign, symmetric_codes
from .weights import least_scales, quantised_bias, quantised_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto, NodeProto

MIN_OPSET = 13
"""The first with a scale for each channel."""


def qdq_model(
    model: ModelProto,
    amax: Mapping[str, float],
    form: Form,
    float_layers: Collection[str] = frozenset(),
    *,
    clips: Clips | None = None,
    means: Means | None = None,
) -> ModelProto:
    """Return a copy of an FP32 `model` with INT8 in it; its spec's provenance says so.

    amax: largest |x| to keep of each activation, by its name in this very model. form: `tensorrt`
    or `cpu`. float_layers: names of further layers to leave in float (see `layers.layer_name`).
    clips: range to keep of each activation, for `cpu`; None: amax, and 0 below ReLU. means:
    as `bias_correction.channel_means` gives them; None: biases stay as they are.

    The last layers become INT8 for `cpu` alone, where they are 5 % of the time.

    Raises ModelError when a tensor lacks its scale, for an opset below 13 and for a graph with
    Q/DQ in it already; UsageError for another form and for a name that is no layer's.
    """
    _check(model, form, float_layers)
    head = form == "cpu"
    changed = type(model)()
    changed.CopyFrom(model)
    graph = changed.graph
    layers = int8_layers(graph, float_layers, int8_head=head)
    if means is not None:
        correct_biases(graph, layers, means)
    if form == "tensorrt":
        placed = place_tensorrt(graph, layers)
        codes = symmetric_codes(placed, graph, amax)
        _Writing(changed, placed, codes, np.int8).apply()
    else:
        known = clips_by_sign(graph, amax) if clips is None else clips
        pixels = with_pixel_entrance(graph, layers)
        placed = place_cpu(graph, int8_layers(graph, float_layers, int8_head=head))
        codes = asymmetric_codes(placed, graph, {**known, **dict.fromkeys(pixels, PIXELS)})
        _Writing(changed, placed, codes, np.uint8).apply()
        bare_pixels(graph, pixels)
        group_columns(graph)
    _drop_unused(changed)
    add_provenance(changed, {"precision": "int8", "int8_form": form})
    return changed


def _check(model: ModelProto, form: str, float_layers: Collection[str]) -> None:
    if form not in FORMS:
        raise UsageError(f"a form among {', '.join(FORMS)}", form, "choose one of them")
    fix = "export the model with `edgedet export`, in FP32"
    opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)
    if opset < MIN_OPSET:
        raise ModelError(f"a graph of opset {MIN_OPSET} or newer", f"opset {opset}", fix)
    ops = {node.op_type for node in model.graph.node}
    if ops & {"QuantizeLinear", "DequantizeLinear"}:
        raise ModelError("a graph in FP32", "one with INT8 in it", fix)
    if any(entry.HasField("g") or entry.graphs for n in model.graph.node for entry in n.attribute):
        raise ModelError("a graph without branches", "one with them", fix)
    unknown = sorted(set(float_layers) - {layer_name(node) for node in model.graph.node})
    if unknown:
        raise UsageError("names of layers", f"no layer {unknown[0]}", "take them from this file")


def int8_layer_names(model: ModelProto, form: Form) -> tuple[str, ...]:
    """Return the names of the layers that `qdq_model` turns into INT8, in the order of the file:
    what its float_layers can hold back.
    """
    layers = int8_layers(model.graph, int8_head=form == "cpu")
    return tuple(layer_name(model.graph.node[index]) for index in layers)


class _Writing:
    """One rewriting of one graph. Each tensor gets at most one pair, which its readers share."""

    def __init__(
        self,
        model: ModelProto,
        placed: Placement,
        codes: Mapping[str, Affine],
        kind: type[np.int8 | np.uint8],
    ) -> None:
        self._graph = model.graph
        self._placed = placed
        self._codes = codes
        self._kind = kind
        self._constants = constants_of(model.graph)
        self._new = Additions(model.graph)
        self._ready: dict[str, str] = {}
        self._guarded: dict[str, str] = {}

    def apply(self) -> None:
        """Rewrite the graph in place."""
        for index, node in enumerate(list(self._graph.node)):
            if node.output and node.output[0] in self._placed.dropped:
                continue
            changed = type(node)()
            changed.CopyFrom(node)
            for place, name in enumerate(node.input):
                if (index, place) in self._placed.edges:
                    changed.input[place] = self._activation(name)
                    if index in self._placed.guarded:
                        changed.input[place] = self._guard(name)
            if index in self._placed.layers:
                self._learned(node, changed, self._placed.layers[index])
            self._new.nodes.append(changed)
        del self._graph.node[:]
        self._graph.node.extend(self._new.nodes)
        del self._graph.value_info[:]

    def _activation(self, name: str) -> str:
        """Return the tensor as its codes hold it; the pair is made when it is not there yet."""
        if name not in self._ready:
            scale, zero_point = self._codes[name]
            ends = [
                self._new.constant(f"{name}_scale", np.asarray(scale, np.float32)),
                self._new.constant(f"{name}_zero_point", np.asarray(zero_point, self._kind)),
            ]
            source = self._placed.dropped.get(name, name)
            codes = self._new.node("QuantizeLinear", [source, *ends], f"{name}_quantized")
            self._ready[name] = self._new.node(
                "DequantizeLinear", [codes, *ends], f"{name}_dequantized"
            )
        return self._ready[name]

    def _guard(self, name: str) -> str:
        """Return the tensor behind a Clip to all that its codes can say: it changes nothing, but
        ONNX Runtime sees no DQ before the layer.
        """
        if name not in self._guarded:
            low, high = covered(self._codes[name])
            ends = [
                self._new.constant(f"{name}_{end}", np.asarray(value, np.float32))
                for end, value in (("low", low), ("high", high))
            ]
            self._guarded[name] = self._new.node(
                "Clip", [self._ready[name], *ends], f"{name}_float"
            )
        return self._guarded[name]

    def _learned(self, node: NodeProto, changed: NodeProto, axis: int) -> None:
        """Let a layer read its weights from int8, and its bias from int32 where that is asked.

        Elsewhere a bias has to fit into int32 as well: ONNX Runtime 1.31 makes codes of it by
        itself (WeightBiasQuantization), and lets those overflow that do not.
        """
        weights = np.asarray(self._constants[node.input[1]], np.float32)
        bias = self._bias(node, weights.shape[axis])
        input_scale = self._codes[node.input[0]].scale
        least = 0.0 if bias is None else least_scales(bias, input_scale)
        codes, scales, _ = quantised_weights(weights, axis, least)
        changed.input[1] = self._stored(node.input[1], codes, scales, axis)
        if bias is not None and self._kind is np.uint8 and node.op_type != "Gemm":
            sums, together = quantised_bias(bias, input_scale, scales)
            changed.input[2] = self._stored(node.input[2], sums, together, 0)

    def _bias(self, node: NodeProto, channels: int) -> NDArray[np.float32] | None:
        """Return the bias [channels] of a layer that has one."""
        found = self._constants.get(node.input[2]) if len(node.input) > 2 else None
        if found is None or found.shape != (channels,):
            return None
        return np.asarray(found, np.float32)

    def _stored(
        self, name: str, codes: NDArray[np.generic], scales: NDArray[np.float32], axis: int
    ) -> str:
        """Return the tensor that comes of codes in the file, by a DQ alone."""
        inputs = [
            self._new.constant(f"{name}_quantized", codes),
            self._new.constant(f"{name}_scale", scales),
            self._new.constant(f"{name}_zero_point", np.zeros(len(scales), codes.dtype)),
        ]
        return self._new.node("DequantizeLinear", inputs, f"{name}_dequantized", axis=axis)


def _drop_unused(model: ModelProto) -> None:
    """Remove constants that nothing reads any more: weights and bounds in float."""
    used = {name for node in model.graph.node for name in node.input}
    used |= {value.name for value in model.graph.output}
    unused = {tensor.name for tensor in model.graph.initializer} - used
    for values in (model.graph.initializer, model.graph.input):
        kept = [value for value in values if value.name not in unused]
        del values[:]
        values.extend(kept)


def add_provenance(model: ModelProto, facts: Mapping[str, str]) -> None:
    """Write facts into the provenance of the spec, in place, if the model carries one."""
    for entry in model.metadata_props:
        if entry.key == SPEC_KEY:
            spec = spec_from_json(entry.value)
            told = {**spec.provenance, **facts}
            entry.value = spec_to_json(spec._replace(provenance=told))
