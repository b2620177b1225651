"""Which anchors a classification loss is computed on.

Both samplers look at a whole batch, not at each image, and select without gradient
(scale-aware SSD spec 5).
"""

from typing import Protocol

import torch
from torch import Tensor

from edgedet.nearest import unknown_name

NEGATIVES_OF_EMPTY_IMAGE = 8
"""Hardest negatives an image adds, times max(ratio, 1), when a batch has no positive at all."""


class Sampler(Protocol):
    """Chooses the anchors that count."""

    def select(self, logits: Tensor, labels: Tensor, *, images: int) -> Tensor:
        """Return a [M] bool mask over the anchors of a batch of `images` images.

        logits: [M, C] with background at 0; labels: [M] int64 with 0 for background.
        """
        ...


class BasicSampler:
    """All positives, and the `ratio` x positives negatives that look least like background."""

    def __init__(self, ratio: float = 3.0) -> None:
        self.ratio = ratio

    @torch.no_grad()
    def select(self, logits: Tensor, labels: Tensor, *, images: int) -> Tensor:
        """Return the [M] mask; see `Sampler`."""
        positive = labels > 0
        negatives = torch.nonzero(~positive).squeeze(1)
        wanted = int(self.ratio * int(positive.sum()))
        if wanted == 0 and not positive.any():
            wanted = int(max(self.ratio, 1) * NEGATIVES_OF_EMPTY_IMAGE) * images
        background = torch.log_softmax(logits[negatives], dim=1)[:, 0]
        hardest = torch.topk(-background, min(wanted, len(negatives)), sorted=False).indices
        selected = positive.clone()
        selected[negatives[hardest]] = True
        return selected


class DynamicNegativeSampler:
    """DNS: all positives, and every negative whose arg-max class is not background.

    The lowest index wins a tie, so a tie with background counts as correct. When nothing at all
    is selected, all negatives are.

    A head that has learnt nothing mistakes about C / (C + 1) of all negatives, dozens for each
    positive: the first steps teach background, and only then few, informative mistakes are left.
    """

    @torch.no_grad()
    def select(self, logits: Tensor, labels: Tensor, *, images: int) -> Tensor:
        """Return the [M] mask; see `Sampler`."""
        # A comparison instead of argmax: argmax does not promise the lowest index on a tie.
        mistaken = logits[:, 1:].amax(dim=1) > logits[:, 0]
        selected = (labels > 0) | mistaken
        return selected if bool(selected.any()) else torch.ones_like(selected)


SAMPLERS = ("dns", "basic")


def build_sampler(name: str, negative_ratio: float) -> Sampler:
    """Return the sampler named "dns" or "basic"."""
    if name == "dns":
        return DynamicNegativeSampler()
    if name == "basic":
        return BasicSampler(negative_ratio)
    raise unknown_name("sampler", name, SAMPLERS)
