"""Boxes that the graph decoded, and scores of each class: the form of UltraFace."""

from typing import Any, Optional, Sequence, Tuple

import numpy as np

from ..candidates import Candidates
from .family import (
    Decode,
    Evidence,
    Family,
    Found,
    among,
    centred_to_corners,
    sides_of,
    table_and_scores,
)
from .selection import best_pairs
from .value_facts import FRACTIONS, UNITS, are_corners, are_scores, are_shares, unit_of

CORNERS, CENTRED = FORMS = ("xyxy", "cxcywh")
PREPROCESSING = {
    "resize": "stretch",
    "mean": (127 / 255,) * 3,
    "std": (128 / 255,) * 3,
    "nms_iou": 0.3,
}
"""(pixel - 127) / 128 in RGB, as UltraFace has it."""


def recognise(evidence: Evidence) -> Optional[Found]:
    """Boxes [n,4] and scores [n,classes] in 0..1, with a column of background or without."""
    known = table_and_scores(evidence)
    if known is None or not are_scores(known[2]):
        return None
    outputs, boxes, scores = known
    background = _has_background(evidence, scores)
    classes = scores.shape[1] - int(background)
    if classes < 1 or evidence.classes not in (None, classes):
        return None
    form = evidence.options.get("boxes") or (CORNERS if are_corners(boxes) else CENTRED)
    unit = evidence.options.get("unit") or unit_of(boxes)
    told = "boxes {} in {} of the input".format(form, unit)
    assumed = ("column 0 of the scores is the background",) if background else ()
    options = {"boxes": form, "unit": unit, "background": background}
    return Found(outputs, classes, options, (told,), assumed)


def _has_background(evidence: Evidence, scores: Any) -> bool:
    """What the spec file says, else what the number of names says, else: do rows add up to 1?"""
    if "background" in evidence.options:
        return bool(evidence.options["background"])
    if evidence.classes is not None:
        return bool(scores.shape[1] == evidence.classes + 1)
    return scores.shape[1] > 1 and are_shares(scores)


def decoder(found: Found, size_hw: Tuple[int, int], count: int) -> Decode:
    """The boxes as they are, in input pixels."""
    scale = sides_of(size_hw) if found.options["unit"] == FRACTIONS else np.float32(1)
    first = int(found.options["background"])
    width = (found.classes or 0) + first
    centred = found.options["boxes"] == CENTRED

    def decode(outputs: Sequence[Any]) -> Candidates:
        pairs = best_pairs(outputs[1].reshape(-1, width)[:, first:], count)
        boxes = outputs[0].reshape(-1, 4)[pairs.anchors] * scale
        boxes = centred_to_corners(boxes) if centred else boxes
        return Candidates(boxes, pairs.scores, pairs.labels)

    return decode


BOXES_SCORES = Family(
    name="boxes_scores",
    form="boxes [1, n, 4] and scores [1, n, classes] in 0..1",
    preprocessing=PREPROCESSING,
    options={
        "boxes": among(*FORMS),
        "unit": among(*UNITS),
        "background": among(True, False),
    },
    recognise=recognise,
    decoder=decoder,
)
