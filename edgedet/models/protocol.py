"""The protocol that training, evaluation and export know a detector by."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor

from edgedet.models.targets import Target
from edgedet.runtime.spec import ModelSpec


@runtime_checkable
class DetectionModel(Protocol):
    """An `nn.Module` that detects. Sizes: N images, K candidates, C foreground classes."""

    spec: ModelSpec
    """What goes in and what comes out."""
    top_k: int
    """K: candidates that `predict` returns, as far as there are so many."""
    counts: dict[str, Tensor]
    """Facts about the last `loss` call to be logged, not optimised: `n_pos`, `n_neg`."""

    def loss(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        """Return named scalar terms, already weighted; their sum is optimised.

        images: [N, 3, H, W] float32, normalised as `spec` says.
        """
        ...

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return `boxes_xyxy` [N, K, 4] in input pixels, `scores` [N, K] descending in [0, 1],
        `labels` [N, K] int64. Static shapes: the graph that is exported.
        """
        ...
