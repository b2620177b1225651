"""Do two forms of one model say the same? The numbers behind the parity table; numpy only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import tee
from typing import TYPE_CHECKING

import numpy as np

from edgedet.runtime.candidate_match import Bounds, Match, match_candidates
from edgedet.runtime.candidates import Candidates, candidates_of
from edgedet.runtime.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgedet.runtime.detector import Backend

FP32_BOUNDS = Bounds(score=1e-3, box_px=0.1)
"""What FP32 may change: a tenth of a pixel and a thousandth of a score change no AP digit that
is printed. What it does change, PyTorch against ONNX Runtime over our detectors with ImageNet
and random weights: at most 0.008 px and 8e-6; a wrong weight or channel order, pixels."""

MIN_MATCHED = 0.01
"""Least share of candidates with a partner. Below it the scores are so equal that the two top-K
have next to nothing in common, and that nothing differs would say nothing. No more than that:
on a flat background exact ties fill most of the K, and each library picks others of them."""


@dataclass(frozen=True)
class Parity:
    """The largest and mean differences over all images, and how many candidates they cover."""

    images: int
    candidates: int
    """Of the reference, over all images."""
    matched: int
    """Of these, found again within the bounds."""
    undecided: int
    """Of both sides: at the very end of one top-K and not in the other. Not an error."""
    different: int
    """Of both sides: without a partner within the bounds; and scores of the second side that are
    higher than the one before, since whoever reads them relies on their order."""
    max_box_px: float
    mean_box_px: float
    max_score: float
    mean_score: float
    bounds: Bounds

    @property
    def passed(self) -> bool:
        """Whether nothing differs, and enough was compared to say so."""
        return self.different == 0 and self.matched >= max(1, MIN_MATCHED * self.candidates)

    def require_passed(self) -> None:
        """Raise ModelError unless parity passed."""
        if self.passed:
            return
        raise ModelError(
            f"the exported model to agree with PyTorch within {self.bounds.box_px} px and "
            f"{self.bounds.score} in score",
            f"{self.different} candidates that differ and {self.matched} of {self.candidates} "
            f"that agree (largest difference {self.max_box_px:.3g} px, {self.max_score:.3g} in "
            "score)",
            "no file was written; report this with the checkpoint",
        )


class ParityMeter:
    """Adds up the comparison image by image."""

    def __init__(self, size_hw: tuple[int, int], bounds: Bounds = FP32_BOUNDS) -> None:
        """size_hw: of the network's input."""
        self._input_px = float(max(size_hw))
        self._bounds = bounds
        self._images = 0
        self._candidates = 0
        self._disordered = 0
        self._forth: list[Match] = []
        self._back: list[Match] = []

    def add(self, reference: Candidates, found: Candidates) -> None:
        """Compare one image's candidates both ways, so that lost and invented ones both count."""
        self._images += 1
        self._candidates += len(reference.scores)
        self._disordered += int((found.scores[1:] > found.scores[:-1]).sum())
        self._forth.append(match_candidates(reference, found, self._bounds, self._input_px))
        self._back.append(match_candidates(found, reference, self._bounds, self._input_px))

    def result(self) -> Parity:
        """Return the differences over all images added so far."""
        both = [*self._forth, *self._back]
        none = np.zeros(0, np.float32)
        box_px = np.concatenate([none, *(match.box_px for match in both)])
        score = np.concatenate([none, *(match.score for match in both)])
        return Parity(
            images=self._images,
            candidates=self._candidates,
            matched=sum(match.matched for match in self._forth),
            undecided=sum(match.undecided for match in both),
            different=sum(match.different for match in both) + self._disordered,
            max_box_px=float(box_px.max(initial=0)),
            mean_box_px=float(box_px.mean()) if len(box_px) else 0.0,
            max_score=float(score.max(initial=0)),
            mean_score=float(score.mean()) if len(score) else 0.0,
            bounds=self._bounds,
        )


def compare_backends(
    reference: Backend,
    found: Backend,
    images_bgr: Iterable[NDArray[np.uint8]],
    bounds: Bounds = FP32_BOUNDS,
) -> Parity:
    """Run both on the same frames [H, W, 3] uint8 BGR of any size, each with its own
    preprocessing from its own spec, and compare all K candidates of each frame.
    """
    meter = ParityMeter(reference.spec.size_hw, bounds)
    one, other = tee(images_bgr)  # holds no more frames than the larger batch
    for pair in zip(candidates_of(reference, one), candidates_of(found, other), strict=True):
        meter.add(*pair)
    return meter.result()
