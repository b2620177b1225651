"""Our images and targets in the form that torchvision's detectors take them in.

Their own transform, which resizes and normalises, is never called: images come ready.
"""

from collections.abc import Sequence

from torch import Tensor
from torchvision.models.detection.image_list import ImageList

from edgedet.models.targets import IGNORED_LABEL, Target


def image_list(images: Tensor) -> ImageList:
    """Return images [N, 3, H, W], all of one size and without padding, as torchvision's list."""
    height, width = images.shape[-2:]
    return ImageList(images, [(height, width)] * len(images))


def torchvision_targets(targets: Sequence[Target], first_label: int) -> list[dict[str, Tensor]]:
    """Return the objects of each image; our class 0 becomes `first_label`.

    Ignored objects are left out: torchvision has no notion of them, so they are background to it.
    """
    kept = [(target, target.labels != IGNORED_LABEL) for target in targets]
    return [
        {"boxes": target.boxes_xyxy[learnt], "labels": target.labels[learnt] + first_label}
        for target, learnt in kept
    ]
