"""Detections after the graph's own suppression, any number of them: TorchVision's, or rows."""

from typing import Any, Dict, Optional, Sequence, Tuple

import numpy as np

from ..candidates import Candidates
from ..errors import ModelError
from .family import (
    Decode,
    Evidence,
    Family,
    Found,
    Option,
    among,
    as_table,
    only_table,
    sides_of,
)
from .selection import LEAST_SCORE
from .value_facts import FRACTIONS, PIXELS, TOLERANCE, UNITS, are_scores, unit_of

ROW = 6
"""Left, top, right, bottom, score, label."""
NOTHING_MORE = 1.0
"""NMS overlap that suppresses nothing: the graph did it."""
FIRST_LABEL = Option("0 or 1", lambda v: v in (0, 1))
SURE = 0.25
"""From this score on a box is an object, whose place tells the unit of boxes."""


def recognise_three(evidence: Evidence) -> Optional[Found]:
    """Boxes [n,4], scores [n] and whole labels [n], told apart by type and axes."""
    names = _three_names(evidence)
    if names is None:
        return None
    boxes = evidence.outputs[names["boxes"]].reshape(-1, 4)
    scores = evidence.outputs[names["scores"]]
    if scores.size != len(boxes) or (scores.size and not are_scores(scores)):
        return None
    unit = evidence.options.get("unit") or _unit_of(boxes, scores.reshape(-1))
    first = evidence.options.get("first_label", 1)
    told = ("detections after the graph's own suppression",)
    return Found(names, None, {"unit": unit, "first_label": first}, told, _assumed(unit, first))


def _unit_of(boxes: Any, scores: Any) -> str:
    """By the boxes that were found: rows that fill up an answer are 0, in whatever unit."""
    filled = boxes[scores >= LEAST_SCORE]
    return unit_of(filled) if len(filled) else PIXELS


def _assumed(unit: str, first: int) -> Tuple[str, ...]:
    return (
        "boxes in {} of the input".format(unit),
        "{} is the label of the first class".format(first),
    )


def _three_names(evidence: Evidence) -> Optional[Dict[str, str]]:
    if {"boxes", "scores", "labels"} <= set(evidence.roles):
        return {role: evidence.roles[role] for role in ("boxes", "scores", "labels")}
    whole = [n for n, v in evidence.outputs.items() if np.issubdtype(v.dtype, np.integer)]
    rest = [name for name in evidence.outputs if name not in whole]
    if len(whole) != 1 or len(rest) != 2:
        return None
    rest.sort(key=lambda name: evidence.outputs[name].ndim)
    scores, boxes = (evidence.outputs[name] for name in rest)
    if (boxes.ndim, boxes.shape[-1:]) != (scores.ndim + 1, (4,)):
        return None
    return {"boxes": rest[1], "scores": rest[0], "labels": whole[0]}


def three_decoder(found: Found, size_hw: Tuple[int, int], count: int) -> Decode:
    """The detections as they are, best first, in input pixels.

    Noise seldom shows anything to recognise: what is found later is held to what was assumed.
    """
    unit, first = found.options["unit"], found.options["first_label"]
    scale = sides_of(size_hw) if unit == FRACTIONS else np.float32(1)

    def decode(outputs: Sequence[Any]) -> Candidates:
        boxes, scores, labels = outputs[0].reshape(-1, 4), outputs[1].reshape(-1), outputs[2]
        _check_scores(scores)
        _check_unit(boxes[scores >= SURE], unit)
        labels = labels.reshape(-1).astype(np.int64) - first
        return _best(Candidates(boxes * scale, scores, labels), count)

    return decode


def _check_scores(scores: Any) -> None:
    """ModelError for what can be no scores, as where another column holds them."""
    if (scores > 1 + TOLERANCE).any():
        found = "{:.4g}".format(float(np.nanmax(scores)))
        raise ModelError("final scores in 0..1", found, "export it with another form of outputs")


def _check_unit(boxes: Any, unit: str) -> None:
    """ModelError when boxes [n,4] of objects are counted in another unit."""
    boxes = boxes[(boxes[:, 2:] > boxes[:, :2]).all(axis=1)]
    if len(boxes) and unit_of(boxes) != unit:
        found = "boxes up to {:.4g}".format(float(abs(boxes).max()))
        fix = 'write "unit": "{}" into the spec file beside the model'.format(unit_of(boxes))
        raise ModelError("boxes in {} of the input".format(unit), found, fix)


def recognise_rows(evidence: Evidence) -> Optional[Found]:
    """[n,6] with scores in 0..1 and whole labels; n says nothing of the input's size."""
    named = only_table(evidence)
    if named is None or named[1].shape[1] != ROW:
        return None
    name, table = named
    scores, labels = table[:, 4], table[:, 5]
    if len(table) and not (are_scores(scores) and (labels == np.round(labels)).all()):
        return None
    if (np.diff(scores) > 0).any() and "unit" not in evidence.options:
        return None
    unit = evidence.options.get("unit") or _unit_of(table[:, :4], scores)
    first = evidence.options.get("first_label", 0)
    told = ("rows of corners, score and label after the graph's own suppression",)
    options = {"unit": unit, "first_label": first}
    return Found({"table": name}, None, options, told, _assumed(unit, first))


def rows_decoder(found: Found, size_hw: Tuple[int, int], count: int) -> Decode:
    """The rows as they are, best first, in input pixels."""
    decode_three = three_decoder(found, size_hw, count)

    def decode(outputs: Sequence[Any]) -> Candidates:
        table = as_table(outputs[0])
        assert table is not None
        _check_labels(table[table[:, 4] >= LEAST_SCORE, 5])
        return decode_three((table[:, :4], table[:, 4], table[:, 5]))

    return decode


def _check_labels(labels: Any) -> None:
    """ModelError for a column that holds no labels."""
    if (labels != np.round(labels)).any():
        found = "{:.4g}".format(float(labels[labels != np.round(labels)][0]))
        fix = "export it with rows of left, top, right, bottom, score, label"
        raise ModelError("whole labels in column 5", found, fix)


def _best(found: Candidates, count: int) -> Candidates:
    order = np.argsort(-found.scores, kind="mergesort")[:count]
    # A score that is no number, or none to speak of, as of the rows that fill up, is no candidate.
    order = order[(found.scores[order] >= LEAST_SCORE) & (found.labels[order] >= 0)]
    return Candidates(found.boxes_xyxy[order], found.scores[order], found.labels[order])


BOXES_SCORES_LABELS = Family(
    name="boxes_scores_labels",
    form="boxes [n, 4], scores [n] and whole labels [n], final",
    preprocessing={"resize": "stretch", "nms_iou": NOTHING_MORE},
    options={"unit": among(*UNITS), "first_label": FIRST_LABEL},
    recognise=recognise_three,
    decoder=three_decoder,
)
ROWS = Family(
    name="rows",
    form="[1, n, 6] of left, top, right, bottom, score, label, final",
    preprocessing={"resize": "letterbox", "pad_value": 114, "nms_iou": NOTHING_MORE},
    options={"unit": among(*UNITS), "first_label": FIRST_LABEL},
    recognise=recognise_rows,
    decoder=rows_decoder,
)
