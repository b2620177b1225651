"""YOLOv8, v9, v11: one column a cell, of box and classes without objectness, decoded."""

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

BEFORE_CLASSES = 4
PREPROCESSING = {"resize": "letterbox", "pad_value": 114, "nms_iou": 0.7}
"""RGB in 0..1."""


def recognise(evidence: Evidence) -> Optional[Found]:
    """[4+classes, cells], or transposed, with centres of boxes near their cells."""
    named = only_table(evidence)
    if named is None or min(named[1].shape) <= BEFORE_CLASSES:
        return None
    name, table = named
    last = _are_cells_last(evidence, table)
    if last is None:
        return None
    rows = table.T if last else table
    classes = rows.shape[1] - BEFORE_CLASSES
    if evidence.classes not in (None, classes) or not are_scores(rows[:, BEFORE_CLASSES:]):
        return None
    unit = evidence.options.get("unit") or _unit_of(rows, evidence.size_hw)
    if unit is None:
        return None
    told = ("boxes decoded by the graph, in {} of the input".format(unit),)
    return Found({"table": name}, classes, {"unit": unit, "cells_last": last}, told)


def _are_cells_last(evidence: Evidence, table: Any) -> Optional[bool]:
    """Which axis counts cells: what the spec file says, else the one with a number of them."""
    if "cells_last" in evidence.options:
        return bool(evidence.options["cells_last"])
    fits = [strides_of(side, evidence.size_hw) is not None for side in table.shape]
    if fits[0] != fits[1]:
        return fits[1]
    # The unit says that the user named the family: more cells than columns, whatever the strides.
    return table.shape[1] > table.shape[0] if "unit" in evidence.options else None


def _unit_of(rows: Any, size_hw: Tuple[int, int]) -> Optional[str]:
    strides = strides_of(len(rows), size_hw)
    if strides is None:
        return None
    points, _ = cells_of(size_hw, strides)
    reading = reading_of(rows[:, :4], points, size_hw)
    return reading if reading in UNITS else None


def decoder(found: Found, size_hw: Tuple[int, int], count: int) -> Decode:
    """Centre, width and height; the class's own score."""
    scale = sides_of(size_hw) if found.options["unit"] == FRACTIONS else 1
    width = BEFORE_CLASSES + (found.classes or 0)
    last = found.options["cells_last"]

    def decode(outputs: Sequence[Any]) -> Candidates:
        rows = outputs[0].reshape(width, -1).T if last else outputs[0].reshape(-1, width)
        pairs = best_pairs(rows[:, BEFORE_CLASSES:], count)
        boxes = centred_to_corners(rows[pairs.anchors, :4] * scale)
        return Candidates(boxes, pairs.scores, pairs.labels)

    return decode


YOLOV8 = Family(
    name="yolov8",
    form="[1, 4+classes, cells] or [1, cells, 4+classes]",
    preprocessing=PREPROCESSING,
    options={"unit": among(*UNITS), "cells_last": among(True, False)},
    recognise=recognise,
    decoder=decoder,
)
