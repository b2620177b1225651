"""NanoDet: one row a cell, of class scores and the distribution of each side's distance.

Generalized Focal Loss, Li et al. 2020, arXiv:2006.04388; github.com/RangiLyu/nanodet.
"""

from typing import Any, Optional, Sequence, Tuple

import numpy as np

from ..candidates import Candidates
from .family import (
    Decode,
    Evidence,
    Family,
    Found,
    Option,
    among,
    only_table,
    sides_of,
    strides_option,
)
from .grid import cell_count, cells_of, strides_of
from .selection import best_pairs
from .value_facts import are_scores

SIDES = 4
REG_MAX = 7
"""The last of the bins 0, 1, ... of a distance in cells, as all published models have it."""
STRIDES = {(8, 16, 32, 64): 0.0, (8, 16, 32): 0.5}
"""Strides -> where in its cell a point lies: NanoDet-Plus, and the NanoDet before it."""
PREPROCESSING = {
    "color": "BGR",
    "resize": "stretch",
    "mean": (103.53 / 255, 116.28 / 255, 123.675 / 255),
    "std": (57.375 / 255, 57.12 / 255, 58.395 / 255),
    "nms_iou": 0.6,
}


def recognise(evidence: Evidence) -> Optional[Found]:
    """[cells, classes + 4*(reg_max+1)]: scores behind the sigmoid, then what is no score."""
    named = only_table(evidence)
    if named is None:
        return None
    name, table = named
    given = evidence.options
    strides = given.get("strides") or strides_of(len(table), evidence.size_hw, STRIDES)
    if not strides or cell_count(evidence.size_hw, strides) != len(table):
        return None
    reg_max = given.get("reg_max", REG_MAX)
    classes = table.shape[1] - SIDES * (reg_max + 1)
    if classes < 1 or evidence.classes not in (None, classes):
        return None
    if not are_scores(table[:, :classes]) or are_scores(table[:, classes:]):
        return None
    offset = given.get("cell_offset", STRIDES.get(tuple(strides), 0.0))
    assumed = "distances in {} bins from points at {} of a cell".format(reg_max + 1, offset)
    options = {"strides": tuple(strides), "reg_max": reg_max, "cell_offset": offset}
    told = ("cells of {} pixels".format(", ".join(map(str, strides))),)
    return Found({"table": name}, classes, options, told, (assumed,))


def decoder(found: Found, size_hw: Tuple[int, int], count: int) -> Decode:
    """Each side lies sum(softmax(bins) * (0, 1, ...)) * stride from the cell's point."""
    offset, classes = found.options["cell_offset"], found.classes or 0
    points, strides = cells_of(size_hw, found.options["strides"], offset)
    bins = np.arange(found.options["reg_max"] + 1, dtype=np.float32)
    most = sides_of(size_hw)

    def decode(outputs: Sequence[Any]) -> Candidates:
        table = outputs[0].reshape(len(points), -1)
        pairs = best_pairs(table[:, :classes], count)
        logits = table[pairs.anchors, classes:].reshape(-1, SIDES, len(bins))
        weights = np.exp(logits - logits.max(axis=2, keepdims=True))
        distances = weights.dot(bins) / weights.sum(axis=2) * strides[pairs.anchors][:, None]
        point = points[pairs.anchors]
        boxes = np.concatenate([point - distances[:, :2], point + distances[:, 2:]], axis=1)
        return Candidates(np.clip(boxes, 0, most), pairs.scores, pairs.labels)

    return decode


def _is_whole(value: Any) -> bool:
    return type(value) is int and value > 0


NANODET = Family(
    name="nanodet",
    form="[1, cells, classes+4*(reg_max+1)]",
    preprocessing=PREPROCESSING,
    options={
        "strides": strides_option(),
        "reg_max": Option("a whole number above 0", _is_whole),
        "cell_offset": among(0.0, 0.5),
    },
    recognise=recognise,
    decoder=decoder,
)
