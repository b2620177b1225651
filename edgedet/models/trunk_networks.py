"""The networks that a detector can stand on, each seen as a stem and numbered blocks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn
from torchvision.models import (
    MobileNet_V2_Weights,
    MobileNet_V3_Large_Weights,
    ResNet18_Weights,
    WeightsEnum,
    mobilenet_v2,
    mobilenet_v3_large,
    resnet18,
)


@dataclass(frozen=True)
class TrunkNetwork:
    """A classifier of torchvision, and how it is cut into blocks."""

    title: str
    """Its name in a message."""
    network: Callable[..., nn.Module]
    """torchvision's builder."""
    imagenet: WeightsEnum
    """The trained weights called "imagenet"."""
    cut: Callable[[Any], nn.Sequential]
    """From the network to its stem (0) and blocks (1..n), which share its weights."""

    def blocks(self) -> nn.Sequential:
        """Return the stem and blocks of a new, untrained network."""
        return self.cut(self.network(weights=None))


def _features(network: Any) -> nn.Sequential:
    """Stem, inverted residuals, and the last 1x1 convolution."""
    blocks: nn.Sequential = network.features
    return blocks


def _resnet_blocks(network: Any) -> nn.Sequential:
    stem = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)
    layers = (network.layer1, network.layer2, network.layer3, network.layer4)
    return nn.Sequential(stem, *(block for layer in layers for block in layer))


TRUNKS: dict[str, TrunkNetwork] = {
    "mobilenet_v2": TrunkNetwork(
        "MobileNetV2", mobilenet_v2, MobileNet_V2_Weights.IMAGENET1K_V1, _features
    ),
    "mobilenet_v3_large": TrunkNetwork(
        "MobileNetV3-Large",
        mobilenet_v3_large,
        MobileNet_V3_Large_Weights.IMAGENET1K_V1,
        _features,
    ),
    "resnet18": TrunkNetwork("ResNet-18", resnet18, ResNet18_Weights.IMAGENET1K_V1, _resnet_blocks),
}
