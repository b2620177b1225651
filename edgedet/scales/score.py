"""What a candidate is ranked by: how its anchors meet the objects, less what they are charged.

The charges are judgements, not measurements. They are all in units of mean best IoU, so that what
decided between two candidates can be read off their rows.
"""

import math

from edgedet.scales.objects import Floats
from edgedet.scales.window import Window

OCTAVE_COST = 0.1
"""For each octave of `misfit`."""
DOUBLING_COST = 0.02
"""For each doubling of the operations."""
SHAPE_COST = 0.005
"""For each anchor shape. Every shape fires on the same objects, and adds candidates that compete
for the places of `top_k`; past four or five sizes one more gains less than this."""
REFERENCE_MACS = 1e9


def misfit(ratios: Floats, window: Window) -> float:
    """Return how far receptive field / anchor side lies off, in octaves, mean of the anchors.

    Counted from the middle of the window, and what lies outside the window once more.
    """
    return float((window.octaves_off(ratios) + window.octaves_outside(ratios)).mean())


def fit(mean_best_iou: float, ratios: Floats, window: Window) -> float:
    """Return how well anchors suit the objects, and receptive fields [k] / sides the anchors."""
    return mean_best_iou - OCTAVE_COST * misfit(ratios, window)


def score(fit: float, macs: int, shapes: int) -> float:
    """Return `fit` less what operations (against `REFERENCE_MACS`) and anchor shapes cost."""
    return fit - DOUBLING_COST * math.log2(macs / REFERENCE_MACS) - SHAPE_COST * shapes
