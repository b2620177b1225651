"""What an INT8 export learns from its images, once for all methods and forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgedet.calibration.bias_correction import Means, channel_means
from edgedet.calibration.calibrated import Calibrated
from edgedet.calibration.collection import Resume, collect
from edgedet.calibration.key import calibration_key
from edgedet.calibration.methods import METHODS
from edgedet.calibration.scales_file import scales_by
from edgedet.calibration.trained_ranges import trained_ranges, with_trained_ranges
from edgedet.progress import progress

from .subject import Subject

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from edgedet.calibration.statistics import Statistics
    from edgedet.runtime.int8_scales import Scales

MEAN_IMAGES = 64
"""Of which the means of channels are taken: they move less from image to image than extremes do."""
FEW_IMAGES = 32
"""Below that, what the calibration sees is a matter of luck."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """What was seen, and the scales of every method."""

    subject: Subject
    statistics: Statistics
    scales: dict[str, Scales]
    means: Means

    def by(self, method: str) -> Calibrated:
        """Return what the forms by one method are made of."""
        return Calibrated(self.subject.model, self.scales[method], self.means)

    def notes(self) -> list[str]:
        """Return what speaks against trusting it."""
        notes = []
        count = len(self.subject.images)
        if count < FEW_IMAGES:
            notes.append(f"Calibrated on {count} images only: better are 100 or more.")
        if all(_is_uniform(batch, self.subject) for batch in self.subject.batches[:FEW_IMAGES]):
            notes.append("All pixels of these images are alike: they show nothing.")
        trained = len(trained_ranges(self.subject.model))
        if trained:
            notes.append(f"The ranges of {trained} tensors are those of the training in INT8.")
        silent = int(np.count_nonzero(self.statistics.amax == 0))
        if silent:
            notes.append(f"{silent} tensors held nothing but zeros in all of these images.")
        return notes


def _is_uniform(batch: NDArray[Any], subject: Subject) -> bool:
    """Whether every pixel of an input has the same colour."""
    sides = (2, 3) if subject.spec.input_layout == "NCHW" else (1, 2)
    return not np.ptp(batch, axis=sides).any()


def calibrated_on(subject: Subject, state: Path) -> Calibration:
    """Calibrate on the images of the subject. state: where an interrupted pass goes on.

    Raises UsageError when `state` is of another calibration, naming what differs.
    """
    key = calibration_key(subject.request.model, subject.images, subject.spec)
    with progress(len(subject.images), "Calibrating") as bar:
        statistics = collect(
            subject.model, subject.batches, Resume(state, key), advance=bar.advance
        )
    few = subject.batches[:MEAN_IMAGES]
    with progress(len(few), "Means of channels") as bar:
        means = channel_means(subject.model, few, advance=bar.advance)
    keys = [key._replace(method=method) for method in METHODS]
    by_method = {key.method: scales_by(statistics, key) for key in keys}
    scales = {name: with_trained_ranges(each, subject.model) for name, each in by_method.items()}
    return Calibration(subject, statistics, scales, means)
