"""RetinaNet on ResNet-50 and a feature pyramid (Lin et al., 1708.02002), torchvision's."""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torchvision.models.detection import RetinaNet
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

from edgedet.models.detector_options import detector_spec
from edgedet.models.torchvision_dense import BACKGROUND, DenseDetector
from edgedet.models.torchvision_options import ResnetFpnOptions
from edgedet.models.torchvision_trunks import RESNETS, resnet_pyramid

TRUNK = "resnet50"
LAYERS = [2, 3, 4]
"""Of the ResNet, under the pyramid: at stride 4 there would be too many anchors."""
PYRAMID_CHANNELS = 256


class FocalRules:
    """A sigmoid for each class, and focal loss over all anchors but the undecided."""

    strides: tuple[int, ...] = (8, 16, 32, 64, 128)
    first_label = 0
    smallest_batch = 1

    def scores(self, logits: Tensor) -> Tensor:
        """Return [N, C, A]."""
        return logits.sigmoid().transpose(1, 2)

    def criterion(self, network: Any) -> Callable[..., dict[str, Tensor]]:
        """Return focal loss and L1 over codes, each over the positives of its image."""
        loss: Callable[..., dict[str, Tensor]] = network.head.compute_loss
        return loss

    def negatives(self, matched: Tensor) -> Tensor:
        """Return the anchors below the lower threshold."""
        return (matched == BACKGROUND).sum()


def retinanet_r50_fpn(class_names: tuple[str, ...], options: ResnetFpnOptions) -> DenseDetector:
    """Build the detector for those foreground classes."""
    top = LastLevelP6P7(PYRAMID_CHANNELS, PYRAMID_CHANNELS)
    backbone = resnet_pyramid(TRUNK, options, returned_layers=LAYERS, extra_blocks=top)
    network = RetinaNet(backbone, num_classes=len(class_names))
    spec = detector_spec(class_names, options)
    return DenseDetector(spec, network, FocalRules(), RESNETS[TRUNK], options.top_k)
