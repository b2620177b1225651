"""What one INT8 export found, as records and as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .accuracy import Accuracy, Chance
from .cpu import Cpu
from .gate import Gate
from .layer_accuracy import WorstLayers
from .request import Int8Request
from .tensor_losses import TensorLoss

if TYPE_CHECKING:
    from edgedet.calibration.placement import Form
    from edgedet.calibration.sensitivity import Sensitivity

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Trial:
    """One form by one method with nothing in float but what always is."""

    form: Form
    method: str
    accuracy: Accuracy


@dataclass(frozen=True)
class Point:
    """One point of the trade-off: the worst `float_layers` layers in float."""

    float_layers: int
    accuracy: Accuracy
    latency_ms: float | None = None
    """Median of the network on this CPU; None for the form that is not made for it."""
    fp32_latency_ms: float | None = None
    """Of FP32, measured in turn with it."""
    speedup: float | None = None
    """How many times as fast as FP32: median over rounds."""


@dataclass(frozen=True)
class FormReport:
    """What became of one form."""

    form: Form
    layers: int
    """That can become INT8."""
    accuracy: Accuracy
    """Of the chosen model; of the best that was tried where none holds the bounds."""
    passed: bool
    float_layers: tuple[str, ...]
    """Sent back to float, those first that lose most for what they cost in float."""
    chance: Chance
    """Of what `accuracy` lost."""
    sensitivity: Sensitivity | None = None
    """None when there was no time for it."""
    worst: WorstLayers | None = None
    """None when no repair was needed, and when there was no time."""
    curve: tuple[Point, ...] = ()
    """By the number of layers in float."""
    out_of_time: bool = False
    path: Path | None = None
    """None when the bounds do not hold."""

    @property
    def point(self) -> Point:
        """Of the chosen model."""
        return next(p for p in self.curve if p.float_layers == len(self.float_layers))


@dataclass(frozen=True)
class Int8Report:
    """What was asked, found and written."""

    request: Int8Request
    images: int
    """On which it was calibrated: fewer than asked for where there are no more."""
    method: str
    """By which the ranges were chosen."""
    gate: Gate
    """With the accuracy of FP32."""
    half: Accuracy
    """Of FP16, rehearsed."""
    trials: tuple[Trial, ...]
    forms: tuple[FormReport, ...]
    tensors: tuple[TensorLoss, ...]
    """Which INT8 layers read, those that lose most first."""
    cpu: Cpu
    """On which the latencies were measured."""
    notes: tuple[str, ...] = field(default=())
    """What a reader should know of the calibration and of the speed."""

    @property
    def passed(self) -> bool:
        """Whether every form that was asked for holds the bounds."""
        return all(form.passed for form in self.forms)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types; null for what does not exist."""
        found = {
            "schema_version": SCHEMA_VERSION,
            "passed": self.passed,
            "smallest_bucket": self.gate.smallest,
            "objects": self.gate.objects,
            "fp32": asdict(self.gate.reference),
            "fp16": asdict(self.half),
        }
        rest = asdict(self)
        for name in ("request", "images", "method", "trials", "forms", "tensors", "cpu", "notes"):
            found[name] = rest[name]
        plain: dict[str, Any] = _plain(found)
        for form, written in zip(self.forms, plain["forms"], strict=True):
            if form.sensitivity is not None:
                losses = [loss._asdict() for loss in form.sensitivity.losses]
                written["sensitivity"] = {**form.sensitivity._asdict(), "losses": losses}
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
