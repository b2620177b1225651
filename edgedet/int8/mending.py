"""One form of the model: measured, repaired when it has to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edgedet.calibration.qdq import int8_layer_names
from edgedet.calibration.sensitivity import Sensitivity, comparisons, rank_layers
from edgedet.progress import progress

from .accuracy import Measured
from .gate import Gate
from .latency import interleaved_ms, speedups
from .layer_accuracy import WorstLayers, worst_layers
from .open_model import open_model
from .repair import Repair, search
from .repair_order import repair_order
from .report import FormReport, Point
from .subject import COMPARED_IMAGES, Subject

if TYPE_CHECKING:
    from onnx import ModelProto

    from edgedet.calibration.calibrated import Calibrated
    from edgedet.calibration.placement import Form

SHOWN_COUNTS = (1, 2, 4)
"""Layers in float of a form that needs none, for the curve alone: is more to be had?"""
SHOWN_IMAGES = 500
"""Of data with more images that costs too much time for a picture."""


class Mending:
    """The search for the layers of one form that have to stay in float."""

    def __init__(
        self, subject: Subject, calibrated: Calibrated, form: Form, gate: Gate, exact: Measured
    ) -> None:
        self._subject = subject
        self._calibrated = calibrated
        self._form = form
        self._gate = gate
        self._exact = exact
        self._names = int8_layer_names(subject.model, form)
        self._sensitivity: Sensitivity | None = None
        self._order: tuple[str, ...] = ()
        self._known: dict[int, Measured] = {}

    def run(self, plain: Measured, time_left: Callable[[], bool]) -> FormReport:
        """Return what became of the form. plain: what it measures with nothing in float."""
        self._known[0] = plain
        if time_left():
            self._sensitivity = self._ranked()
            self._order = repair_order(self._subject.model, self._sensitivity.losses)
        repair = search(len(self._names), self._excess, time_left)
        count = repair.chosen
        if count is None:
            count = min(repair.steps, key=lambda step: step.excess).float_layers
        elif count == 0:
            self._measure_more(time_left)
        return FormReport(
            form=self._form,
            layers=len(self._names),
            accuracy=self._known[count].accuracy,
            passed=repair.chosen is not None,
            float_layers=self._worst(count),
            chance=self._subject.chance(self._exact, self._known[count]),
            sensitivity=self._sensitivity,
            worst=self._worst_layers(repair, time_left),
            curve=self._curve(),
            out_of_time=repair.out_of_time,
        )

    def model(self, count: int) -> ModelProto:
        """Return the form with the worst `count` layers in float."""
        return self._calibrated.quantised(self._form, set(self._worst(count)))

    def _excess(self, count: int) -> float:
        return self._gate.excess(self._measured(count).accuracy)

    def _measured(self, count: int) -> Measured:
        if count not in self._known:
            told = f"AP of {self._form} with {count} layers in float"
            self._known[count] = self._subject.measured(self.model(count), told)
        return self._known[count]

    def _measure_more(self, time_left: Callable[[], bool]) -> None:
        """Measure a few points that the gate did not ask for."""
        if len(self._subject.annotations.images) > SHOWN_IMAGES:
            return
        for count in SHOWN_COUNTS:
            if count < len(self._names) and self._sensitivity is not None and time_left():
                self._measured(count)

    def _worst(self, count: int) -> tuple[str, ...]:
        return self._order[:count]

    def _ranked(self) -> Sensitivity:
        inputs = self._subject.batches[:COMPARED_IMAGES]
        told = f"Comparing the layers of {self._form}"
        with progress(comparisons(len(self._names)), told) as bar:
            return rank_layers(self._calibrated, self._form, inputs, advance=bar.advance)

    def _worst_layers(self, repair: Repair, time_left: Callable[[], bool]) -> WorstLayers | None:
        """Return the AP behind the ranking, where the bounds did not hold at once."""
        if repair.chosen == 0 or not time_left() or self._sensitivity is None:
            return None
        data = self._subject.annotations
        return worst_layers(self._calibrated, self._form, self._order, data, time_left)

    def _curve(self) -> tuple[Point, ...]:
        points = [Point(count, found.accuracy) for count, found in sorted(self._known.items())]
        return tuple(self._timed(points) if self._form == "cpu" else points)

    def _timed(self, points: list[Point]) -> list[Point]:
        """Measure FP32 and all points in turn."""
        models = [self._subject.model, *(self.model(point.float_layers) for point in points)]
        backends = [open_model(model) for model in models]
        try:
            times = interleaved_ms(backends, self._subject.batches[0])
        finally:
            for backend in backends:
                backend.close()
        exact, *medians = (float(value) for value in np.median(times, axis=0))
        return [
            replace(point, latency_ms=latency, fp32_latency_ms=exact, speedup=float(ratio))
            for point, latency, ratio in zip(points, medians, speedups(times)[1:], strict=True)
        ]
