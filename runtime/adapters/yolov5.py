"""YOLOv5 and YOLOv7: one row an anchor, three anchors a cell, decoded by the graph."""

from typing import Any, Optional, Sequence, Tuple

from ..candidates import Candidates
from .family import (
    Decode,
    Evidence,
    Family,
    Found,
    among,
    centred_to_corners,
    only_table,
    sides_of,
)
from .grid import cells_of, strides_of
from .selection import best_pairs
from .value_facts import FRACTIONS, UNITS, are_scores, reading_of

BEFORE_CLASSES = 5
ANCHORS = 3
"""Of each cell."""
PREPROCESSING = {"resize": "letterbox", "pad_value": 114, "nms_iou": 0.45}
"""RGB in 0..1."""


def recognise(evidence: Evidence) -> Optional[Found]:
    """[3*cells, 5+classes] with centres of boxes near their cells."""
    named = only_table(evidence)
    if named is None or named[1].shape[1] <= BEFORE_CLASSES:
        return None
    name, table = named
    classes = table.shape[1] - BEFORE_CLASSES
    if evidence.classes not in (None, classes) or not are_scores(table[:, 4:]):
        return None
    unit = evidence.options.get("unit") or _unit_of(table, evidence.size_hw)
    if unit is None:
        return None
    told = ("boxes decoded by the graph, in {} of the input".format(unit),)
    return Found({"table": name}, classes, {"unit": unit}, told)


def _unit_of(table: Any, size_hw: Tuple[int, int]) -> Optional[str]:
    strides = strides_of(len(table) // ANCHORS, size_hw)
    if len(table) % ANCHORS or strides is None:
        return None
    points, _ = cells_of(size_hw, strides, repeat=ANCHORS)
    reading = reading_of(table[:, :4], points, size_hw)
    return reading if reading in UNITS else None


def decoder(found: Found, size_hw: Tuple[int, int], count: int) -> Decode:
    """Centre, width and height; objectness * class."""
    scale = sides_of(size_hw) if found.options["unit"] == FRACTIONS else 1
    width = BEFORE_CLASSES + (found.classes or 0)

    def decode(outputs: Sequence[Any]) -> Candidates:
        table = outputs[0].reshape(-1, width)
        pairs = best_pairs(table[:, BEFORE_CLASSES:], count, objectness=table[:, 4])
        boxes = centred_to_corners(table[pairs.anchors, :4] * scale)
        return Candidates(boxes, pairs.scores, pairs.labels)

    return decode


YOLOV5 = Family(
    name="yolov5",
    form="[1, 3*cells, 5+classes]",
    preprocessing=PREPROCESSING,
    options={"unit": among(*UNITS)},
    recognise=recognise,
    decoder=decoder,
)
