"""A random crop that shows part of the image, and its objects, larger."""

from typing import Any

import torch
from torch import Tensor, nn
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional

PROBABILITY = 0.5
SIDES = (0.3, 1.0)
"""Least and greatest side of the crop, as a part of the image's (SSD, arXiv:1512.02325, 2.2)."""
MAX_ASPECT = 2.0
"""By how much a side may be stretched more than the other."""
TRIES = 40


class ZoomCrop(nn.Module):
    """Crop to a window that holds the centre of an object, scaled back to the image's size.

    Objects whose centre is outside are left out, the others are clipped, as in SSD. SSD's demand
    on the IoU of object and window is not made: a small object never meets it, so that
    `v2.RandomIoUCrop` spends its 40 tries (15 ms an image) in vain.
    """

    def forward(self, image: tv_tensors.Image, objects: dict[str, Any]) -> Any:
        """Return `image` [3, H, W] and `objects` (boxes [n, 4] XYXY, labels [n]), both changed
        or both as they came. An image without objects may be cropped anywhere.
        """
        if torch.rand(()) >= PROBABILITY:
            return image, objects
        size = list(image.shape[-2:])
        windows = _windows(size)
        inside = _centres_inside(objects["boxes"].as_subclass(Tensor), windows)
        usable = inside.any(dim=1) if inside.shape[1] else torch.ones(len(windows))
        if not usable.any():
            return image, objects
        chosen = int(usable.byte().argmax())
        left, top, right, bottom = windows[chosen].tolist()
        area = {"top": top, "left": left, "height": bottom - top, "width": right - left}
        boxes = functional.resized_crop(objects["boxes"], **area, size=size)
        image = functional.resized_crop(image, **area, size=size, antialias=True)
        kept = inside[chosen]
        boxes = tv_tensors.wrap(boxes[kept], like=boxes)
        return image, {**objects, "boxes": boxes, "labels": objects["labels"][kept]}


def _windows(size_hw: list[int]) -> Tensor:
    # [TRIES, 4] int64 corners. Clamping keeps the stretch within MAX_ASPECT.
    least, greatest = SIDES
    parts = least + (greatest - least) * torch.rand(TRIES, 2)
    parts = torch.maximum(parts, parts.flip(1) / MAX_ASPECT)
    whole = torch.tensor([size_hw[1], size_hw[0]])
    sides = (parts * whole).long().clamp(min=1)
    corners = (torch.rand(TRIES, 2) * (whole - sides + 1)).long()
    return torch.cat([corners, corners + sides], dim=1)


def _centres_inside(boxes_xyxy: Tensor, windows_xyxy: Tensor) -> Tensor:
    centres = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:])[None] / 2
    low, high = windows_xyxy[:, None, :2], windows_xyxy[:, None, 2:]
    return ((centres > low) & (centres < high)).all(dim=2)
