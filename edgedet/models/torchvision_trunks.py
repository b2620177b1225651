"""The classifiers under torchvision's detectors, and how trained weights get into them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn
from torchvision.models import (
    ResNet50_Weights,
    ResNet101_Weights,
    resnet50,
    resnet101,
)
from torchvision.models.detection.backbone_utils import BackboneWithFPN, resnet_fpn_backbone
from torchvision.ops import FrozenBatchNorm2d

from edgedet.models.torchvision_options import RESNET_BLOCKS, ResnetFpnOptions
from edgedet.models.trunk_networks import TRUNKS, TrunkNetwork


@dataclass(frozen=True)
class BackboneTrunk:
    """What a detector's backbone was cut from, and the way from there to here."""

    network: TrunkNetwork
    copy: Callable[[nn.Module, Any], None]
    """(a trained network, the detector's backbone): copies what the backbone has of it."""


# The cut of one ResNet is that of all.
_blocks = TRUNKS["resnet18"].cut


def _copy_resnet(network: nn.Module, backbone: Any) -> None:
    _blocks(backbone.body).load_state_dict(_blocks(network).state_dict())


RESNETS: dict[str, BackboneTrunk] = {
    "resnet50": BackboneTrunk(
        TrunkNetwork("ResNet-50", resnet50, ResNet50_Weights.IMAGENET1K_V1, _blocks), _copy_resnet
    ),
    "resnet101": BackboneTrunk(
        TrunkNetwork("ResNet-101", resnet101, ResNet101_Weights.IMAGENET1K_V1, _blocks),
        _copy_resnet,
    ),
}
"""By torchvision's names."""


def resnet_pyramid(name: str, options: ResnetFpnOptions, **levels: Any) -> BackboneWithFPN:
    """Return the ResNet `name` under a feature pyramid, untrained.

    levels: `returned_layers` and `extra_blocks` of torchvision's `resnet_fpn_backbone`.
    """
    return resnet_fpn_backbone(
        backbone_name=name,
        weights=None,
        norm_layer=FrozenBatchNorm2d if options.frozen_norm else nn.BatchNorm2d,
        trainable_layers=RESNET_BLOCKS - options.frozen_blocks,
        **levels,
    )
