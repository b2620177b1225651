"""One form of the model: measured, repaired when it has to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from edgedet.calibration.qdq import int8_layer_names
from edgedet.calibration.sensitivity import Loss, quantised, rank_layers
from edgedet.progress import progress

from .accuracy import Accuracy
from .gate import Gate
from .latency import medians_ms
from .open_model import open_model
from .repair import Repair, search
from .report import FormReport, Point
from .subject import COMPARED_IMAGES, Subject

if TYPE_CHECKING:
    from onnx import ModelProto

    from edgedet.calibration.placement import Form
    from edgedet.calibration.scales_file import Scales


class Mending:
    """The search for the layers of one form that have to stay in float."""

    def __init__(self, subject: Subject, scales: Scales, form: Form, gate: Gate) -> None:
        self._subject = subject
        self._scales = scales
        self._form = form
        self._gate = gate
        self._names = int8_layer_names(subject.model, form)
        self._losses: tuple[Loss, ...] = ()
        self._known: dict[int, Accuracy] = {}

    def run(self, plain: Accuracy | None, time_left: Callable[[], bool]) -> FormReport:
        """Return what became of the form. plain: its accuracy with nothing in float, if known."""
        if plain is not None:
            self._known[0] = plain
        repair = search(len(self._names), self._excess, time_left)
        count = repair.chosen
        if count is None:
            count = min(repair.steps, key=lambda step: step.excess).float_layers
        return FormReport(
            form=self._form,
            layers=len(self._names),
            accuracy=self._known[count],
            passed=repair.chosen is not None,
            float_layers=self._worst(count),
            losses=self._losses,
            curve=self._curve(repair),
            out_of_time=repair.out_of_time,
        )

    def model(self, count: int) -> ModelProto:
        """Return the form with the worst `count` layers in float."""
        return quantised(self._subject.model, self._scales, self._form, set(self._worst(count)))

    def _excess(self, count: int) -> float:
        if count not in self._known:
            told = f"AP of {self._form} with {count} layers in float"
            self._known[count] = self._subject.accuracy(self.model(count), told)
        return self._gate.excess(self._known[count])

    def _worst(self, count: int) -> tuple[str, ...]:
        if count and not self._losses:
            self._losses = self._ranked()
        return tuple(loss.layer for loss in self._losses[:count])

    def _ranked(self) -> tuple[Loss, ...]:
        subject = self._subject
        inputs = subject.batches[:COMPARED_IMAGES]
        with progress(len(self._names), f"Comparing the layers of {self._form}") as bar:
            return rank_layers(subject.model, self._scales, self._form, inputs, advance=bar.advance)

    def _curve(self, repair: Repair) -> tuple[Point, ...]:
        counts = sorted({step.float_layers for step in repair.steps})
        points = [Point(count, self._known[count]) for count in counts]
        return tuple(self._timed(points) if self._form == "cpu" else points)

    def _timed(self, points: list[Point]) -> list[Point]:
        """Measure FP32 and all points in turn."""
        models = [self._subject.model, *(self.model(point.float_layers) for point in points)]
        backends = [open_model(model) for model in models]
        try:
            exact, *others = medians_ms(backends, self._subject.batches[0])
        finally:
            for backend in backends:
                backend.close()
        return [
            replace(point, latency_ms=latency, fp32_latency_ms=exact)
            for point, latency in zip(points, others, strict=True)
        ]
