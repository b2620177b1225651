"""How a box is written relative to an anchor: the numbers that the network regresses."""

from typing import Protocol

import torch
from torch import Tensor

from edgedet.nearest import unknown_name


class BoxCode(Protocol):
    """Encodes boxes against anchors and back; both are [..., 4] xyxy in px."""

    def encode(self, boxes_xyxy: Tensor, anchors_xyxy: Tensor) -> Tensor:
        """Return the [..., 4] code of each box against its anchor."""
        ...

    def decode(self, codes: Tensor, anchors_xyxy: Tensor) -> Tensor:
        """Return the [..., 4] xyxy boxes that `codes` stand for."""
        ...


def _centres_and_sizes(boxes_xyxy: Tensor) -> tuple[Tensor, Tensor]:
    low, high = boxes_xyxy[..., :2], boxes_xyxy[..., 2:]
    return (low + high) / 2, high - low


class CentreLogCode:
    """Centre offset over (v_c * size) and ln of the size ratio over v_s: never negative sizes.

    SSD uses the variances .1 and .2 (spec 4); the shapes detector uses 1 and 1 (spec A3).
    """

    def __init__(self, centre_variance: float = 0.1, size_variance: float = 0.2) -> None:
        self.centre_variance = centre_variance
        self.size_variance = size_variance

    def encode(self, boxes_xyxy: Tensor, anchors_xyxy: Tensor) -> Tensor:
        """Return [..., 4]: x, y offsets, then log width and height."""
        box_centre, box_size = _centres_and_sizes(boxes_xyxy)
        centre, size = _centres_and_sizes(anchors_xyxy)
        offset = (box_centre - centre) / (size * self.centre_variance)
        return torch.cat((offset, torch.log(box_size / size) / self.size_variance), dim=-1)

    def decode(self, codes: Tensor, anchors_xyxy: Tensor) -> Tensor:
        """Return [..., 4] xyxy boxes in px."""
        centre, size = _centres_and_sizes(anchors_xyxy)
        centre = centre + codes[..., :2] * size * self.centre_variance
        half = size * torch.exp(codes[..., 2:] * self.size_variance) / 2
        return torch.cat((centre - half, centre + half), dim=-1)


class TopLeftLinearCode:
    """The authors' code: top-left offset and size, both over the anchor's size, without log.

    It can stand for negative sizes: decoding clamps them to zero (spec 4).
    """

    def encode(self, boxes_xyxy: Tensor, anchors_xyxy: Tensor) -> Tensor:
        """Return [..., 4]: x, y offsets, then width and height ratios."""
        size = anchors_xyxy[..., 2:] - anchors_xyxy[..., :2]
        offset = (boxes_xyxy[..., :2] - anchors_xyxy[..., :2]) / size
        return torch.cat((offset, (boxes_xyxy[..., 2:] - boxes_xyxy[..., :2]) / size), dim=-1)

    def decode(self, codes: Tensor, anchors_xyxy: Tensor) -> Tensor:
        """Return [..., 4] xyxy boxes in px."""
        size = anchors_xyxy[..., 2:] - anchors_xyxy[..., :2]
        low = anchors_xyxy[..., :2] + codes[..., :2] * size
        return torch.cat((low, low + (codes[..., 2:] * size).clamp(min=0)), dim=-1)


BOX_CODES: dict[str, type[CentreLogCode] | type[TopLeftLinearCode]] = {
    "ssd": CentreLogCode,
    "topleft_linear": TopLeftLinearCode,
}


def box_code(name: str) -> BoxCode:
    """Return the code named "ssd" or "topleft_linear"."""
    if name not in BOX_CODES:
        raise unknown_name("box_code", name, BOX_CODES)
    return BOX_CODES[name]()
