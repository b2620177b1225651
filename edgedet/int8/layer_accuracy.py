"""AP with one layer alone in INT8, and alone in float, on a part of the held-out images.

Bounded: the `WORST` layers by signal to noise, on at most `IMAGES` images. So it costs at most
2 * 5 + 2 passes over 32 images, however large the model and the data are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from edgedet.calibration.qdq import int8_layer_names

from .accuracy import measured
from .open_model import open_model

if TYPE_CHECKING:
    from onnx import ModelProto

    from edgedet.calibration.calibrated import Calibrated
    from edgedet.calibration.placement import Form
    from edgedet.data.annotations import Annotations

WORST = 5
IMAGES = 32


@dataclass(frozen=True)
class LayerAccuracy:
    """AP in [0, 1] of two models that differ from FP32, or from INT8, in one layer."""

    layer: str
    alone: float
    """With this layer alone in INT8."""
    kept: float
    """With this layer alone in float."""


@dataclass(frozen=True)
class WorstLayers:
    """What the worst layers cost."""

    images: int
    fp32: float
    """AP on these images, which is another one than that on all."""
    int8: float
    """With every layer in INT8."""
    layers: tuple[LayerAccuracy, ...]
    """The worst first; fewer when the time was over."""


def worst_layers(
    calibrated: Calibrated,
    form: Form,
    layers: tuple[str, ...],
    annotations: Annotations,
    time_left: Callable[[], bool],
) -> WorstLayers:
    """Return the AP of the first of `layers`, which come the worst first, from both sides."""
    part = _spread(annotations)
    names = frozenset(int8_layer_names(calibrated.model, form))

    def ap(model: ModelProto, told: str) -> float:
        with open_model(model) as backend:
            return measured(backend, part, (), f"AP of {told}").accuracy.ap

    exact, whole = ap(calibrated.model, "FP32"), ap(calibrated.quantised(form), form)
    found = []
    for layer in layers[:WORST]:
        if not time_left():
            break
        alone = ap(calibrated.quantised(form, names - {layer}), f"{layer} alone in INT8")
        kept = ap(calibrated.quantised(form, {layer}), f"{layer} alone in float")
        found.append(LayerAccuracy(layer, alone, kept))
    return WorstLayers(len(part.images), exact, whole, tuple(found))


def _spread(annotations: Annotations) -> Annotations:
    """Return at most `IMAGES` images, evenly over the data: names next to each other are alike."""
    count = min(IMAGES, len(annotations.images))
    chosen = np.linspace(0, len(annotations.images) - 1, count).astype(int)
    return replace(annotations, images=tuple(annotations.images[index] for index in chosen))
