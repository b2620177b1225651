"""How much each layer loses to INT8: one layer is quantised at a time, and the network runs.

Compared is what the decoding reads, the results of the last learned layers: behind it candidates
are sorted, and one that changes its place would count as two that are wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from edgedet.runtime.errors import DataError
from edgedet.runtime.lazy import require

from .collection import INSTALL_ORT
from .layers import constants_of, head_of
from .placement import Form
from .qdq import int8_layer_names, qdq_model
from .scales_file import Scales
from .tensors import FLOAT, INSTALL_ONNX

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import GraphProto, ModelProto

_ERRORS_ONLY = 3
LOUDEST_DB, QUIETEST_DB = -100.0, 200.0
"""Ends of the scale: of results that are all noise, and of those without any."""


class Loss(NamedTuple):
    """What INT8 in one layer alone does to the network."""

    layer: str
    """See `layers.layer_name`."""
    snr_db: float
    """Power of the results over the power of their change; the lower, the worse."""


def rank_layers(
    model: ModelProto,
    scales: Scales,
    form: Form,
    batches: Sequence[NDArray[Any]],
    *,
    advance: Callable[[], object] = lambda: None,
) -> tuple[Loss, ...]:
    """Return the layers that `qdq_model` turns into INT8, the worst first.

    batches: a few inputs, as the model takes them; held in memory. advance: called after each
    layer. Memory: the results of the last layers for all batches. Raises DataError without batches,
    and what `qdq_model` raises.
    """
    if not len(batches):
        raise DataError("images to compare the layers on", "none", "check the data set")
    inputs = [np.asarray(batch) for batch in batches]
    reads = _head_reads(model.graph)
    exact = _results(model, reads, inputs)
    names = int8_layer_names(model, form)
    losses = []
    for name in names:
        changed = quantised(model, scales, form, frozenset(names) - {name})
        losses.append(Loss(name, snr_db(exact, _results(changed, reads, inputs))))
        advance()
    return tuple(sorted(losses, key=lambda loss: (loss.snr_db, loss.layer)))


def quantised(
    model: ModelProto, scales: Scales, form: Form, float_layers: Collection[str] = frozenset()
) -> ModelProto:
    """Return the INT8 form of a model by `scales`; see `qdq_model`, whose errors it raises."""
    clips = {name: scale.clip for name, scale in scales.tensors.items()}
    return qdq_model(model, scales.amax, form, float_layers, clips=clips if form == "cpu" else None)


def snr_db(
    exact: Sequence[Sequence[NDArray[Any]]], noisy: Sequence[Sequence[NDArray[Any]]]
) -> float:
    """Return the signal-to-noise ratio in dB of results [images][tensors], over all images.

    The signal is how a tensor varies about its mean: an offset says nothing about what is seen.
    Of several tensors the mean of noise over signal counts, so that boxes with large numbers do not
    hide scores with small ones.
    """
    shares = []
    for tensor, noise in zip(zip(*exact, strict=True), zip(*noisy, strict=True), strict=True):
        values = np.stack(tensor).astype(np.float64)
        error = np.mean((np.stack(noise) - values) ** 2)
        shares.append(float(error / max(float(values.var()), np.finfo(np.float64).tiny)))
    share = float(np.mean(shares))
    low, high = 10 ** (-QUIETEST_DB / 10), 10 ** (-LOUDEST_DB / 10)
    return float(-10 * np.log10(np.clip(share, low, high)))


def _head_reads(graph: GraphProto) -> list[tuple[str, int, str]]:
    """Return what is read of the last learned layers: by the node that makes which tensor, at which
    input, and by what name. A name that is read by none is an output of the graph.
    """
    constants = constants_of(graph)
    made = [graph.node[index].output[0] for index in sorted(head_of(graph))]
    found = []
    for name in made:
        reader = next((node for node in graph.node if name in node.input), None)
        place = list(reader.input).index(name) if reader is not None else 0
        found.append((reader.output[0] if reader is not None else "", place, name))
    return [entry for entry in found if entry[2] not in constants]


def _results(
    model: ModelProto, reads: Sequence[tuple[str, int, str]], inputs: Sequence[NDArray[Any]]
) -> list[list[NDArray[Any]]]:
    """Return [images][tensors] what is read of the last layers: behind their Q/DQ, if any."""
    ort = require("onnxruntime", INSTALL_ORT)
    onnx = require("onnx", INSTALL_ONNX)
    makers = {node.output[0]: node for node in model.graph.node}
    names = [
        makers[reader].input[place] if reader in makers else name for reader, place, name in reads
    ]
    watched = type(model)()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    unique = list(dict.fromkeys(names))
    watched.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, FLOAT, None) for name in unique
    )
    options = ort.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    session = ort.InferenceSession(
        watched.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    source = session.get_inputs()[0].name
    return [session.run(unique, {source: batch}) for batch in inputs]
