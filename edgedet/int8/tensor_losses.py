"""Which tensors INT8 holds worst, with where each method clips them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgedet.calibration.tensor_noise import int8_reads, tensor_snr_db

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx import ModelProto

    from edgedet.calibration.placement import Form
    from edgedet.calibration.scales_file import Scales
    from edgedet.calibration.statistics import Statistics


@dataclass(frozen=True)
class TensorLoss:
    """One tensor."""

    tensor: str
    reader: str
    """The first INT8 layer that reads it."""
    snr_db: float
    """Power of its values over that of what symmetric INT8 takes from them."""
    clips: dict[str, float]
    """Of |x|, by method."""


def tensor_losses(
    model: ModelProto,
    form: Form,
    statistics: Statistics,
    scales: Mapping[str, Scales],
    chosen: str,
) -> tuple[TensorLoss, ...]:
    """Return what the INT8 layers of a form read, the worst by the chosen method first."""
    amax = {method: each.amax for method, each in scales.items()}
    found = tensor_snr_db(statistics, amax[chosen])
    losses = [
        TensorLoss(name, reader, found[name], {method: amax[method][name] for method in amax})
        for name, reader in int8_reads(model, form).items()
        if name in found
    ]
    return tuple(sorted(losses, key=lambda loss: (loss.snr_db, loss.tensor)))
