"""Which anchor answers for which object."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import box_area, box_iou

from edgedet.models.targets import Target

NEGATIVE = -1
IGNORED = -2
COVERED_SHARE = 0.5
"""Of an anchor's area: from here on an ignored object keeps it from being background."""


@dataclass(frozen=True)
class MatchRule:
    """IoU bounds of a matching."""

    positive_iou: float
    """An anchor with at least this IoU takes the object it overlaps most."""
    negative_iou: float
    """An anchor under it with every object is background; between the two it is ignored."""
    forced_iou: float
    """An object without an ordinary positive takes its best anchor if that reaches this IoU."""
    tie: float | None = 1e-5
    """Anchors this close to the best are forced with it; None forces a single one."""


def iou_plus_one(boxes_a: Tensor, boxes_b: Tensor) -> Tensor:
    """Return the [A, B] IoU of the authors' code, which adds 1 px to the intersection only.

    Identical 25-px boxes score 1.1777 (spec 4): for parity runs, never for evaluation.
    """
    low = torch.maximum(boxes_a[:, None, :2], boxes_b[None, :, :2])
    high = torch.minimum(boxes_a[:, None, 2:], boxes_b[None, :, 2:])
    intersection = (high - low + 1).clamp(min=0).prod(dim=-1)
    union: Tensor = box_area(boxes_a)[:, None] + box_area(boxes_b) - intersection
    return intersection / union


def canonical_order(boxes_xyxy: Tensor, labels: Tensor) -> Tensor:
    """Return the [G] order by coordinates, then label, so that ties do not hang on file order."""
    order = torch.argsort(labels, stable=True)
    for column in boxes_xyxy.unbind(dim=1)[::-1]:
        order = order[torch.argsort(column[order], stable=True)]
    return order


def _forced(iou: Tensor, rule: MatchRule) -> Tensor:
    best, anchor = iou.max(dim=0)
    lonely = (best < rule.positive_iou) & (best >= rule.forced_iou)
    if rule.tie is None:
        tied = torch.zeros_like(iou, dtype=torch.bool)
        tied[anchor, torch.arange(iou.shape[1], device=iou.device)] = True
    else:
        tied = iou >= best - rule.tie
    return tied & lonely


def match(iou: Tensor, rule: MatchRule) -> Tensor:
    """Return [A] int64: the object of each anchor, NEGATIVE or IGNORED.

    iou: [A, G] anchors x objects. Between objects the highest IoU wins an anchor, and a forced
    match wins over an ordinary one (scale-aware SSD spec 4, shapes spec A3).
    """
    anchors, objects = iou.shape
    if objects == 0:
        return torch.full((anchors,), NEGATIVE, dtype=torch.int64, device=iou.device)
    # More than the largest IoU puts every forced match in front, and reaches positive_iou.
    claim = torch.where(_forced(iou, rule), iou + iou.amax() + rule.positive_iou, iou)
    strength, owner = claim.max(dim=1)
    unclaimed = torch.where(strength < rule.negative_iou, NEGATIVE, IGNORED)
    return torch.where(strength >= rule.positive_iou, owner, unclaimed)


def match_boxes(
    anchors_xyxy: Tensor, boxes_xyxy: Tensor, rule: MatchRule, *, plus_one: bool = False
) -> Tensor:
    """Return [A] int64 as `match` does, from [A, 4] anchors and [G, 4] objects in px."""
    iou = iou_plus_one if plus_one else box_iou
    return match(iou(anchors_xyxy, boxes_xyxy), rule)


def covered(anchors_xyxy: Tensor, regions_xyxy: Tensor) -> Tensor:
    """Return [A] bool: at least `COVERED_SHARE` of the anchor lies in one of the [R, 4] regions."""
    low = torch.maximum(anchors_xyxy[:, None, :2], regions_xyxy[None, :, :2])
    high = torch.minimum(anchors_xyxy[:, None, 2:], regions_xyxy[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(dim=-1)
    inside: Tensor = shared >= COVERED_SHARE * box_area(anchors_xyxy)[:, None]
    return inside.any(dim=1)


def match_target(
    anchors_xyxy: Tensor, target: Target, rule: MatchRule, *, plus_one: bool = False
) -> tuple[Tensor, Target]:
    """Return [A] int64 as `match` does, and the objects to learn, which it counts.

    An anchor under an ignored object that would be background is IGNORED: to fire there is no
    mistake, and to stay silent is none.
    """
    learnt = target.labels >= 0
    boxes, labels = target.boxes_xyxy[learnt], target.labels[learnt]
    order = canonical_order(boxes, labels)
    boxes, labels = boxes[order], labels[order]
    owner = match_boxes(anchors_xyxy, boxes, rule, plus_one=plus_one)
    hidden = covered(anchors_xyxy, target.boxes_xyxy[~learnt])
    return torch.where((owner == NEGATIVE) & hidden, IGNORED, owner), Target(boxes, labels)
