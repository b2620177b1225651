"""How much each layer loses to INT8, from both sides: with it alone in INT8 (quantise one), and
with it alone kept in float (keep one).

The first says what a layer does, the second what keeping it would bring: where two layers spoil the
same tensor, each is bad alone, and neither helps alone. Compared is what the decoding reads, the
results of the last learned layers: behind it candidates are sorted, and one that changes its place
would count as two that are wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from edgedet.runtime.errors import DataError
from edgedet.runtime.lazy import require

from .calibrated import Calibrated
from .collection import INSTALL_ORT
from .layers import constants_of, head_of
from .placement import Form
from .qdq import int8_layer_names
from .tensors import FLOAT, INSTALL_ONNX

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import GraphProto, ModelProto

_ERRORS_ONLY = 3
LOUDEST_DB, QUIETEST_DB = -100.0, 200.0
"""Ends of the scale: of results that are all noise, and of those without any."""
MOST_KEPT = 32
"""Layers that are kept in float one by one, the worst: a deep network has hundreds, of which the
best hundred change nothing."""


class Loss(NamedTuple):
    """What INT8 in one layer does to the network. In dB: power of the results over the power of
    their change; the lower, the worse.
    """

    layer: str
    """See `layers.layer_name`."""
    snr_db: float
    """With it alone in INT8."""
    kept_db: float | None
    """With it alone in float; None where that was not tried."""


class Sensitivity(NamedTuple):
    """Of one form."""

    whole_db: float
    """With every layer in INT8: what `kept_db` is to be seen against."""
    losses: tuple[Loss, ...]
    """All layers, the worst alone first."""


def comparisons(layers: int) -> int:
    """Return how often `rank_layers` calls `advance` for so many layers."""
    return layers + min(layers, MOST_KEPT) + 1


def rank_layers(
    calibrated: Calibrated,
    form: Form,
    batches: Sequence[NDArray[Any]],
    *,
    advance: Callable[[], object] = lambda: None,
) -> Sensitivity:
    """Return what each layer that becomes INT8 loses, the worst first.

    batches: a few inputs, as the model takes them; held in memory. advance: called after each
    comparison. Each costs the writing of one graph and one run for each batch. Memory: the results
    of the last layers for all batches. Raises DataError without batches, and what
    `qdq.qdq_model` raises.
    """
    if not len(batches):
        raise DataError("images to compare the layers on", "none", "check the data set")
    inputs = [np.asarray(batch) for batch in batches]
    reads = _head_reads(calibrated.model.graph)
    exact = _results(calibrated.model, reads, inputs)

    def measured(float_layers: Collection[str]) -> float:
        changed = calibrated.quantised(form, float_layers)
        found = snr_db(exact, _results(changed, reads, inputs))
        advance()
        return found

    names = frozenset(int8_layer_names(calibrated.model, form))
    alone = sorted((measured(names - {name}), name) for name in names)
    kept = {name: measured({name}) for _, name in alone[:MOST_KEPT]}
    losses = tuple(Loss(name, value, kept.get(name)) for value, name in alone)
    return Sensitivity(measured(()), losses)


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
