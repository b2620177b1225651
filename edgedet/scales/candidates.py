"""What a design is worth: how its anchors meet the objects, and what it costs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgedet.models.cost import Cost
from edgedet.models.ssd_options import SsdOptions
from edgedet.scales.design import Design
from edgedet.scales.overlaps import Overlaps
from edgedet.scales.score import fit, score
from edgedet.scales.window import Window


@dataclass(frozen=True)
class Candidate:
    """A design and its measures over the real objects."""

    design: Design
    a_score: float
    """Mean over anchors of receptive field / side."""
    mean_best_iou: float
    """Over objects, of the best IoU that any anchor reaches."""
    p5_best_iou: float
    worst_best_iou: float
    share_positive: float
    """Of the objects, how many get an ordinary positive: best IoU >= `positive_iou`."""
    share_matched: float
    """How many get at least a forced match: best IoU >= `forced_iou`."""
    anchors: int
    """Of all cells."""
    macs: int
    """Multiply-accumulates of one image."""
    parameters: int
    fit: float
    """How well anchors and receptive fields suit the objects; see `score.py`."""
    aligned: bool
    """Whether the field / side of every anchor lies in the window."""
    known_as: str = ""
    """Name of a published design; empty for a fitted one."""
    on_front: bool = False
    """Whether no other has both a higher `fit` and fewer MACs."""

    @property
    def score(self) -> float:
        """What candidates are ranked by; see `score.py`."""
        return score(self.fit, self.macs, self.design.shapes)


def measure(
    design: Design,
    cost: Cost,
    overlaps: Overlaps,
    options: SsdOptions,
    window: Window,
    known_as: str = "",
) -> Candidate:
    """Return the measures of `design` over the objects of `overlaps`.

    options: where `positive_iou` and `forced_iou` come from.
    """
    best = overlaps.best(design.sides, design.strides, design.ratios).astype(np.float64)
    pairs = zip(design.layout.levels, design.anchors, strict=True)
    cells = [math.ceil(overlaps.imgsz / level.stride) ** 2 * len(sides) for level, sides in pairs]
    return Candidate(
        design=design,
        a_score=float(design.a_scores.mean()),
        mean_best_iou=float(best.mean()),
        p5_best_iou=float(np.percentile(best, 5)),
        worst_best_iou=float(best.min()),
        share_positive=float((best >= options.positive_iou).mean()),
        share_matched=float((best >= options.forced_iou).mean()),
        anchors=sum(cells) * len(design.ratios),
        macs=cost.macs,
        parameters=cost.parameters,
        fit=fit(float(best.mean()), design.a_scores, window),
        aligned=bool(window.holds(design.a_scores).all()),
        known_as=known_as,
    )
