"""torchvision's own builders of the same detectors: the independent side of the comparison."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn
from torchvision.models import (
    MobileNet_V3_Large_Weights,
    ResNet50_Weights,
    WeightsEnum,
    mobilenet_v3_large,
    resnet50,
)
from torchvision.models.detection import (
    fasterrcnn_resnet50_fpn,
    retinanet_resnet50_fpn,
    ssdlite320_mobilenet_v3_large,
)
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from edgedet.models.registry import build_model
from edgedet.models.weights import load_trunk_weights
from edgedet.runtime.postprocess import Thresholds

SIDE = 64
CLASSES = ("circle", "square", "triangle")


class Kind(NamedTuple):
    """One of torchvision's detectors."""

    build: Callable[..., nn.Module]
    trunk: Callable[..., nn.Module]
    imagenet: WeightsEnum
    first_label: int
    thresholds: Thresholds
    """What torchvision cuts off by, as it is set in `settings` or by default."""
    settings: dict[str, Any]
    """Attributes of theirs, so that all candidates of an image take part, as in ours."""


KINDS = {
    "faster_rcnn_r50_fpn": Kind(
        fasterrcnn_resnet50_fpn,
        resnet50,
        ResNet50_Weights.IMAGENET1K_V1,
        1,
        Thresholds(0.05, 0.5, 100),
        {},
    ),
    "retinanet_r50_fpn": Kind(
        retinanet_resnet50_fpn,
        resnet50,
        ResNet50_Weights.IMAGENET1K_V1,
        0,
        Thresholds(0.001, 0.5, 300),
        {"score_thresh": 0.001, "topk_candidates": 100_000},
    ),
    "ssdlite_mobilenetv3": Kind(
        ssdlite320_mobilenet_v3_large,
        mobilenet_v3_large,
        MobileNet_V3_Large_Weights.IMAGENET1K_V1,
        1,
        Thresholds(0.001, 0.55, 300),
        {"topk_candidates": 100_000},
    ),
}


class Pair(NamedTuple):
    """Ours and torchvision's, in evaluation mode, with the same weights everywhere."""

    kind: Kind
    ours: Any
    theirs: Any
    trunk_differs: list[str]
    """Weights of the trunk that differed when both had only been given "ImageNet"."""


def trained_like(network: nn.Module) -> nn.Module:
    """Give normalisation other statistics than a new network has, so that mistakes show."""
    torch.manual_seed(7)
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            # Small at the end of a residual block, or the sum grows with each.
            scale = 0.2 if name.endswith("bn3") else 1.0
            nn.init.uniform_(module.weight, 0.8 * scale, 1.2 * scale)
            nn.init.normal_(module.bias, 0, 0.1)
    return network


def spread(network: nn.Module) -> None:
    """Let heads that are new say different things of anchors, beyond rounding and ties of IoU."""
    for name, weight in network.named_parameters():
        if weight.ndim > 1 and ("cls_logits" in name or "head.module_list" in name):
            weight.data.mul_(10)


def with_few_samples(network: Any) -> None:
    """Let the second stage learn from 32 proposals an image: its 12544 inputs take the time."""
    if hasattr(network, "roi_heads"):
        network.roi_heads.fg_bg_sampler.batch_size_per_image = 32


def pair_of(name: str) -> Pair:
    """Build both from the same "ImageNet" weights; theirs then gets the heads of ours, too.

    torchvision's transform is left nothing to do: mean 0, std 1, the size that images have.
    """
    kind = KINDS[name]
    torch.manual_seed(7)  # weights of the trunk, too: which proposals there are hangs on them
    state = trained_like(kind.trunk(weights=None)).state_dict()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WeightsEnum, "get_state_dict", lambda *_, **__: state)
        outputs = len(CLASSES) + kind.first_label
        theirs: Any = kind.build(weights=None, weights_backbone=kind.imagenet, num_classes=outputs)
        ours: Any = build_model(name, CLASSES, {"imgsz": SIDE, "top_k": 3840})
        load_trunk_weights(ours, "imagenet")
    theirs.transform = GeneralizedRCNNTransform(
        SIDE, SIDE, [0.0] * 3, [1.0] * 3, 1, _skip_resize=True
    )
    with_few_samples(theirs)
    with_few_samples(ours.network)
    for setting, value in kind.settings.items():
        setattr(theirs, setting, value)
    expected, found = theirs.state_dict(), ours.network.state_dict()
    trunk = [key for key in expected if key.startswith(("backbone.body", "backbone.features"))]
    differs = [key for key in trunk if not torch.equal(expected[key], found[key])]
    spread(trained_like(ours.network))
    theirs.load_state_dict(ours.network.state_dict())
    return Pair(kind, ours.eval(), theirs.eval(), differs)
