"""A model with all that calibration says of it: what its INT8 forms are made of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgedet.runtime.int8_scales import CALIBRATION, Scales

from .bias_correction import Means
from .placement import Form
from .qdq import add_provenance, qdq_model

if TYPE_CHECKING:
    from onnx import ModelProto


@dataclass(frozen=True, eq=False)
class Calibrated:
    """One FP32 model and one method."""

    model: ModelProto
    scales: Scales
    means: Means | None = None
    """As `bias_correction.channel_means` gives them; None: biases stay as they are."""

    def quantised(self, form: Form, float_layers: Collection[str] = frozenset()) -> ModelProto:
        """Return one INT8 form, the spec of which names the calibration; see `qdq_model`, whose
        errors it raises.
        """
        clips = {name: scale.clip for name, scale in self.scales.tensors.items()}
        model = qdq_model(
            self.model,
            self.scales.amax,
            form,
            float_layers,
            clips=clips if form == "cpu" else None,
            means=self.means,
        )
        add_provenance(model, {CALIBRATION: self.scales.calibration_id})
        return model
