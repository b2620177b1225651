"""Random changes to a training image and its boxes, by torchvision.transforms.v2."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torchvision import tv_tensors
from torchvision.transforms import v2

from edgedet.data import mosaic
from edgedet.data.zoom_crop import ZoomCrop
from edgedet.models.targets import Target
from edgedet.nearest import check_name
from edgedet.runtime.opencv import opencv

FILL = 114
"""Grey around a zoomed-out image: the runtime's letterbox grey, which the network also sees."""
MIN_SIDE = 1.0
"""Pixels. A box that a change leaves with a shorter side is dropped."""


class SameSize(nn.Module):
    """Apply a transform that changes the size of image and boxes, then scale both back."""

    def __init__(self, transform: nn.Module) -> None:
        super().__init__()
        self.transform = transform

    def forward(self, image: tv_tensors.Image, objects: dict[str, Any]) -> Any:
        """Return `image` [3, H, W] and `objects` (boxes, labels) at the size they had."""
        size = list(image.shape[-2:])
        changed = self.transform(image, objects)
        if list(changed[0].shape[-2:]) == size:
            return changed
        return v2.Resize(size, antialias=True)(*changed)


def _photometric() -> nn.Module:
    # Not RandomPhotometricDistort: its channel permutation and hue turn red fruit into green,
    # which are classes here, and hue takes 15 of its 18 ms at 512x512.
    jitter: nn.Module = v2.ColorJitter(brightness=0.25, contrast=0.4, saturation=0.4)
    return jitter


def _zoom_out() -> nn.Module:
    return SameSize(v2.RandomZoomOut(fill=FILL, side_range=(1.0, 2.0)))


AUGMENTATIONS: dict[str, Callable[[], nn.Module]] = {
    "photometric": _photometric,
    "zoom_out": _zoom_out,
    "crop": ZoomCrop,
    "hflip": v2.RandomHorizontalFlip,
    "vflip": v2.RandomVerticalFlip,
}
"""Name to transform, in the order they are applied, which is SSD's (arXiv:1512.02325, 2.2)."""
NAMES = (mosaic.NAME, *AUGMENTATIONS)
"""What a recipe may ask for; a mosaic takes several images, so the data set makes it first."""


def build_augmentation(names: Sequence[str]) -> nn.Module | None:
    """Return the named changes of one image as a transform of (image, {"boxes", "labels"}), or
    None when there are none.

    photometric always changes brightness, contrast and saturation; the others are applied with
    probability 1/2. The order of `names` does not matter. `UsageError` for an unknown name.
    """
    for name in names:
        check_name("augmentation", name, NAMES)
    chosen = [build() for name, build in AUGMENTATIONS.items() if name in names]
    if not chosen:
        return None
    return v2.Compose([*chosen, v2.SanitizeBoundingBoxes(min_size=MIN_SIDE)])  # type: ignore[no-any-return]


def augmented(
    transform: nn.Module, pixels_bgr: npt.NDArray[np.uint8], target: Target
) -> tuple[npt.NDArray[np.uint8], Target]:
    """Return the changed pixels [H, W, 3] uint8 BGR, of the same size, and their target.

    Draws from torch's CPU generator.
    """
    # Saturation is defined on RGB.
    image = torch.from_numpy(_swapped(pixels_bgr)).permute(2, 0, 1)
    size = pixels_bgr.shape[:2]
    boxes = tv_tensors.BoundingBoxes(target.boxes_xyxy, format="XYXY", canvas_size=size)
    objects: dict[str, Any] = {"boxes": boxes, "labels": target.labels}
    image, objects = transform(tv_tensors.Image(image), objects)
    pixels = image.as_subclass(Tensor).permute(1, 2, 0).numpy()
    return _swapped(pixels), Target(objects["boxes"].as_subclass(Tensor), objects["labels"])


def _swapped(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    cv2 = opencv()
    swapped: npt.NDArray[np.uint8] = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    return swapped
