"""What an SSD is trained to lower."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from edgedet.models.box_codes import BoxCode
from edgedet.models.matching import IGNORED, MatchRule, match_target
from edgedet.models.samplers import Sampler
from edgedet.models.targets import IGNORED_LABEL, Target


@dataclass(frozen=True)
class SsdLoss:
    """L = weighted cross-entropy + smooth L1 (scale-aware SSD spec 4 and 5).

    Cross-entropy is a weighted mean over the sampled anchors; smooth L1 (beta 1) a mean over
    positives x 4, and 0 without positives.
    """

    rule: MatchRule
    code: BoxCode
    sampler: Sampler
    plus_one: bool = False
    """Match by the authors' IoU, which adds 1 px to the intersection."""
    double_softmax: bool = False
    """Feed probabilities to the cross-entropy, as the authors' code does."""

    def assign(self, anchors_xyxy: Tensor, targets: Sequence[Target]) -> tuple[Tensor, Tensor]:
        """Return `labels` [N, A] and `boxes_xyxy` [N, A, 4] of positive anchors.

        A label is 0 for background, 1 + class for a positive, IGNORED_LABEL for neither.
        """
        labels, boxes = zip(*(self._assign_one(anchors_xyxy, t) for t in targets), strict=True)
        return torch.stack(labels), torch.stack(boxes)

    def _assign_one(self, anchors_xyxy: Tensor, target: Target) -> tuple[Tensor, Tensor]:
        owner, learnt = match_target(anchors_xyxy, target, self.rule, plus_one=self.plus_one)
        unowned = torch.where(owner == IGNORED, IGNORED_LABEL, 0)
        if len(learnt.labels) == 0:
            return unowned, torch.zeros_like(anchors_xyxy)
        row = owner.clamp(min=0)
        labels = torch.where(owner >= 0, learnt.labels[row] + 1, unowned)
        return labels, learnt.boxes_xyxy[row]

    def classification(self, logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        """Return the weighted mean cross-entropy of the sampled anchors; 0 when M is 0.

        logits: [M, C]; labels: [M]; weights: [C] with background at 0.
        """
        if len(labels) == 0:
            return logits.sum()
        scores = logits.softmax(dim=1) if self.double_softmax else logits
        return F.cross_entropy(scores, labels, weight=weights)

    def regression(self, deltas: Tensor, boxes_xyxy: Tensor, anchors_xyxy: Tensor) -> Tensor:
        """Return the mean smooth L1 over [P, 4] codes of positives; 0 when P is 0."""
        if len(deltas) == 0:
            return deltas.sum()
        return F.smooth_l1_loss(deltas, self.code.encode(boxes_xyxy, anchors_xyxy))
