"""What the multi-scale shapes detector is trained to lower (shapes spec A3)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from edgedet.models.box_codes import BoxCode
from edgedet.models.matching import IGNORED, NEGATIVE, MatchRule, match_target
from edgedet.models.targets import Target

NEGATIVES_PER_POSITIVE = 3
NEGATIVES_OF_EMPTY_IMAGE = 20
LOCALISATION_WEIGHT = 2.0


def hard_negatives(losses: Tensor, negative: Tensor, wanted: Tensor) -> Tensor:
    """Return a [N, A] mask of the `wanted` [N] negatives of highest loss of each image.

    losses: [N, A]; negative: [N, A] bool.
    """
    ranked = losses.masked_fill(~negative, -torch.inf).argsort(dim=1, descending=True)
    rank = torch.empty_like(ranked)
    places = torch.arange(losses.shape[1], device=losses.device).expand_as(ranked)
    rank.scatter_(1, ranked, places)
    return negative & (rank < wanted[:, None])


class ShapesLoss:
    """L = objectness + classification + 2 localisation, hard negatives per image."""

    def __init__(self, rule: MatchRule, code: BoxCode) -> None:
        self.rule = rule
        self.code = code

    def assign(self, anchors_xyxy: Tensor, targets: Sequence[Target]) -> tuple[Tensor, ...]:
        """Return `owner` [N, A] (object, NEGATIVE, IGNORED), `labels` and `boxes_xyxy` of owners.

        Labels and boxes of anchors without an object are those of none: not to be read.
        """
        owners, labels, boxes = [], [], []
        for target in targets:
            owner, learnt = match_target(anchors_xyxy, target, self.rule)
            # One row more, so that the indices of unowned anchors stay inside.
            row = owner.clamp(min=-1)
            owners.append(owner)
            labels.append(F.pad(learnt.labels, (0, 1))[row])
            boxes.append(F.pad(learnt.boxes_xyxy, (0, 0, 0, 1))[row])
        return torch.stack(owners), torch.stack(labels), torch.stack(boxes)

    def select_negatives(self, objectness: Tensor, owner: Tensor) -> Tensor:
        """Return the [N, A] mask of hard negatives: 3 a positive, 20 in an image without any."""
        positives = (owner >= 0).sum(dim=1)
        wanted = positives * NEGATIVES_PER_POSITIVE
        wanted = torch.where(positives == 0, NEGATIVES_OF_EMPTY_IMAGE, wanted)
        losses = F.softplus(objectness.detach())
        return hard_negatives(losses, owner == NEGATIVE, wanted)

    def terms(
        self, raw: Tensor, anchors_xyxy: Tensor, targets: Sequence[Target]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the loss terms and the counts of positives and negatives.

        raw: [N, A, 5 + C] as tx, ty, tw, th, objectness, class logits.
        """
        owner, labels, boxes = self.assign(anchors_xyxy, targets)
        positive = owner >= 0
        negative = self.select_negatives(raw[..., 4], owner)
        selected = positive | negative
        n_pos, n_selected = positive.sum(), selected.sum()
        objectness = F.binary_cross_entropy_with_logits(
            raw[..., 4][selected], positive[selected].float(), reduction="sum"
        )
        anchors = anchors_xyxy.expand(len(raw), -1, -1)[positive]
        codes = self.code.encode(boxes[positive], anchors)
        classes = F.cross_entropy(raw[..., 5:][positive], labels[positive], reduction="sum")
        boxes_off = F.smooth_l1_loss(raw[..., :4][positive], codes, reduction="sum")
        terms = {
            "objectness": objectness / n_selected.clamp(min=1),
            "classification": classes / n_pos.clamp(min=1),
            "localisation": LOCALISATION_WEIGHT * boxes_off / n_pos.clamp(min=1),
        }
        counts = {
            "n_pos": n_pos,
            "n_neg": negative.sum(),
            "n_ignored": (owner == IGNORED).sum(),
        }
        return terms, counts
