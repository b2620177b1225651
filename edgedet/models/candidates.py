"""The best candidates of an image, chosen inside the graph with static shapes."""

import torch
from torch import Tensor

TENSORRT_TOPK_LIMIT = 3840
"""TensorRT refuses a larger K (docs of every version from 8.2 to 11)."""


def candidate_count(top_k: int, available: int) -> int:
    """Return the static K: at most what there is and what TensorRT takes."""
    return min(top_k, available, TENSORRT_TOPK_LIMIT)


def best_pairs(class_scores: Tensor, top_k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return `scores` [N, K] descending, `labels` [N, K] and `anchors` [N, K] of the best pairs.

    class_scores: [N, C, A] foreground scores. One anchor may appear once for each class.
    """
    anchors = class_scores.shape[2]
    k = candidate_count(top_k, class_scores.shape[1] * anchors)
    scores, pair = torch.topk(class_scores.flatten(1), k, dim=1)
    # Truncation, not floor: floor and % become Mod, which TensorRT 8.2 does not have.
    labels = torch.div(pair, anchors, rounding_mode="trunc")
    return scores, labels, pair - labels * anchors


def gather_columns(values: Tensor, columns: Tensor) -> Tensor:
    """Return [N, K, D]: for each image the `columns` [N, K] of `values` [N, D, A]."""
    index = columns[:, None].expand(-1, values.shape[1], -1)
    return torch.gather(values, 2, index).transpose(1, 2)
