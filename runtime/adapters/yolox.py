"""YOLOX: one row a cell, of box, objectness and classes. Ge et al. 2021, arXiv:2107.08430."""

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
    only_table,
    strides_option,
)
from .grid import cell_count, cells_of, strides_of
from .selection import best_pairs
from .value_facts import PIXELS, RAW, are_scores, reading_of

BEFORE_CLASSES = 5
PREPROCESSING = {
    "color": "BGR",
    "resize": "letterbox_top_left",
    "pad_value": 114,
    "std": (1 / 255,) * 3,
    "nms_iou": 0.45,
}
"""Pixels 0..255 as OpenCV reads them, since YOLOX 0.2."""


def recognise(evidence: Evidence) -> Optional[Found]:
    """[cells, 5+classes] with scores behind the sigmoid: raw, or with boxes in input pixels."""
    named = only_table(evidence)
    if named is None or named[1].shape[1] <= BEFORE_CLASSES:
        return None
    name, table = named
    strides = evidence.options.get("strides") or strides_of(len(table), evidence.size_hw)
    if not strides or cell_count(evidence.size_hw, strides) != len(table):
        return None
    classes = table.shape[1] - BEFORE_CLASSES
    if evidence.classes not in (None, classes) or not are_scores(table[:, 4:]):
        return None
    decoded = evidence.options.get("decoded")
    if decoded is None:
        points, _ = cells_of(evidence.size_hw, strides)
        reading = reading_of(table[:, :4], points, evidence.size_hw)
        if reading not in (RAW, PIXELS):
            return None
        decoded = reading == PIXELS
    told = "boxes {} by the graph".format("decoded" if decoded else "not decoded")
    return Found({"table": name}, classes, _options(decoded, strides), (told,))


def _options(decoded: bool, strides: Sequence[int]) -> Any:
    return {"decoded": decoded, "strides": tuple(strides)}


def decoder(found: Found, size_hw: Tuple[int, int], count: int) -> Decode:
    """x, y = (raw + cell) * stride; width, height = exp(raw) * stride; objectness * class."""
    points, strides = cells_of(size_hw, found.options["strides"], offset=0)
    decoded = found.options["decoded"]

    def decode(outputs: Sequence[Any]) -> Candidates:
        table = outputs[0].reshape(len(points), -1)
        pairs = best_pairs(table[:, BEFORE_CLASSES:], count, objectness=table[:, 4])
        boxes = table[pairs.anchors, :4]
        if not decoded:
            side = strides[pairs.anchors][:, None]
            centres = boxes[:, :2] * side + points[pairs.anchors]
            boxes = np.concatenate([centres, np.exp(boxes[:, 2:]) * side], axis=1)
        return Candidates(centred_to_corners(boxes), pairs.scores, pairs.labels)

    return decode


YOLOX = Family(
    name="yolox",
    form="[1, cells, 5+classes]",
    preprocessing=PREPROCESSING,
    options={"decoded": among(True, False), "strides": strides_option()},
    recognise=recognise,
    decoder=decoder,
)
