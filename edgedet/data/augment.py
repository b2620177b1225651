"""Random changes to a training image and its boxes, by torchvision.transforms.v2."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torchvision import tv_tensors
from torchvision.transforms import v2

from edgedet.data.choice import check_choice
from edgedet.models.targets import Target

FILL = 114
"""Grey around a zoomed-out image: the runtime's letterbox grey, which the network also sees."""
Sample = tuple[tv_tensors.Image, dict[str, Any]]


class SameSize(nn.Module):
    """Apply a transform that changes the size of image and boxes, then scale both back."""

    def __init__(self, transform: nn.Module) -> None:
        super().__init__()
        self.transform = transform

    def forward(self, image: tv_tensors.Image, objects: dict[str, Any]) -> Sample:
        """Return `image` [3, H, W] and `objects` (boxes, labels) at the size they had."""
        size = list(image.shape[-2:])
        changed = self.transform(image, objects)
        if list(changed[0].shape[-2:]) == size:
            return changed  # type: ignore[no-any-return]
        return v2.Resize(size, antialias=True)(*changed)  # type: ignore[no-any-return]


class WhereObjects(nn.Module):
    """Apply a transform to images with objects; leave background images as they are.

    `RandomIoUCrop` looks for a crop that holds an object, and without one it searches in vain.
    """

    def __init__(self, transform: nn.Module) -> None:
        super().__init__()
        self.transform = transform

    def forward(self, image: tv_tensors.Image, objects: dict[str, Any]) -> Sample:
        """Return the transformed `image` and `objects`, or both as they came."""
        if len(objects["labels"]) == 0:
            return image, objects
        return self.transform(image, objects)  # type: ignore[no-any-return]


def _crop() -> nn.Module:
    crop = v2.Compose([v2.RandomIoUCrop(), v2.SanitizeBoundingBoxes(min_size=1)])
    return WhereObjects(SameSize(crop))


def _zoom_out() -> nn.Module:
    return SameSize(v2.RandomZoomOut(fill=FILL, side_range=(1.0, 2.0)))


AUGMENTATIONS: dict[str, Callable[[], nn.Module]] = {
    "photometric": v2.RandomPhotometricDistort,
    "zoom_out": _zoom_out,
    "crop": _crop,
    "hflip": v2.RandomHorizontalFlip,
    "vflip": v2.RandomVerticalFlip,
}
"""Name to transform, in the order they are applied, which is SSD's (arXiv:1512.02325, 2.2)."""


def build_augmentation(names: Sequence[str]) -> nn.Module | None:
    """Return the named changes as one transform of (image, {"boxes", "labels"}), or None.

    Each is applied with probability 1/2 (crop: by drawing one of SSD's seven overlaps, "whole
    image" among them). `UsageError` for an unknown name. The order of `names` does not matter.
    """
    for name in names:
        check_choice("an augmentation", name, AUGMENTATIONS)
    chosen = [build() for name, build in AUGMENTATIONS.items() if name in names]
    if not chosen:
        return None
    return v2.Compose([*chosen, v2.SanitizeBoundingBoxes(min_size=1)])  # type: ignore[no-any-return]


def augmented(
    transform: nn.Module, pixels_bgr: npt.NDArray[np.uint8], target: Target
) -> tuple[npt.NDArray[np.uint8], Target]:
    """Return the changed pixels [H, W, 3] uint8 BGR, same size, and target. Draws from torch's
    CPU generator.
    """
    # Hue and saturation are defined on RGB; the pixels on both sides of here are BGR.
    image = torch.from_numpy(pixels_bgr).permute(2, 0, 1).flip(0)
    boxes = tv_tensors.BoundingBoxes(
        target.boxes_xyxy, format="XYXY", canvas_size=pixels_bgr.shape[:2]
    )
    objects = {"boxes": boxes, "labels": target.labels}
    image, objects = transform(tv_tensors.Image(image), objects)
    return _pixels_bgr(image), Target(objects["boxes"].as_subclass(Tensor), objects["labels"])


def _pixels_bgr(image: Tensor) -> npt.NDArray[np.uint8]:
    rgb: npt.NDArray[np.uint8] = image.as_subclass(Tensor).permute(1, 2, 0).numpy()
    return np.ascontiguousarray(rgb[..., ::-1])
