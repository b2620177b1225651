"""SSDLite on MobileNetV3-Large (Howard et al., 1905.02244), torchvision's, at any input size."""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.ssd import SSD
from torchvision.models.detection.ssdlite import SSDLiteFeatureExtractorMobileNet, SSDLiteHead

from edgedet.models.detector_options import detector_spec
from edgedet.models.torchvision_dense import DenseDetector
from edgedet.models.torchvision_options import SsdliteOptions
from edgedet.models.torchvision_trunks import BackboneTrunk
from edgedet.models.trunk_networks import TRUNKS

# All literals of this file are those of torchvision's `ssdlite320_mobilenet_v3_large`. That
# function itself halves the last blocks when it loads no weights, and then none would fit.
C4_BLOCK = 13
"""The last strided block of MobileNetV3-Large: the first head reads its expansion."""
CHANNELS = [672, 960, 512, 256, 256, 128]
"""Of the maps that the heads read."""
RATIOS = [[2, 3]] * len(CHANNELS)
"""Width / height of the boxes beside the two squares of each cell, each both ways round."""
SCALES = (0.2, 0.95)
"""Smallest and largest box, as a part of the input's side."""
NEGATIVES = 3
"""For each positive, the hardest first; torchvision's `positive_fraction` says the same."""

_norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.03)


class HardNegativeRules:
    """Softmax with background first, and cross-entropy over positives and hard negatives."""

    strides: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    first_label = 1
    # The last map of a 512 px input is one cell, and one value has no variance to normalise by.
    smallest_batch = 2

    def scores(self, logits: Tensor) -> Tensor:
        """Return [N, C, A]."""
        return logits.softmax(dim=2)[..., 1:].transpose(1, 2)

    def criterion(self, network: Any) -> Callable[..., dict[str, Tensor]]:
        """Return cross-entropy and smooth L1 over codes, both over the positives of the batch."""
        loss: Callable[..., dict[str, Tensor]] = network.compute_loss
        return loss

    def negatives(self, matched: Tensor) -> Tensor:
        """Return the hard ones, as far as an image has so many; none without an object."""
        positives = (matched >= 0).sum(dim=1)
        background = matched.shape[1] - positives
        return (NEGATIVES * positives).minimum(background).sum()


def _extractor(features: nn.Module) -> SSDLiteFeatureExtractorMobileNet:
    return SSDLiteFeatureExtractorMobileNet(features, C4_BLOCK, _norm)


def _copy_mobilenet(network: nn.Module, backbone: Any) -> None:
    cut = _extractor(TRUNK.network.cut(network))
    backbone.features.load_state_dict(cut.features.state_dict())


TRUNK = BackboneTrunk(TRUNKS["mobilenet_v3_large"], _copy_mobilenet)


def _keep_one_cell(backbone: Any, imgsz: int) -> None:
    """Take the stride from the extra layers whose input is one cell: the output is the same.

    With it, in bf16 on a CPU, the gradient of their depthwise weights is of memory that nobody
    wrote (torch 2.15, channels-last): other numbers in each run, and now and then nan.
    """
    for stride, layer in zip(HardNegativeRules.strides[1:], backbone.extra, strict=False):
        if imgsz <= stride:
            layer[1][0].stride = (1, 1)


def ssdlite_mobilenetv3(class_names: tuple[str, ...], options: SsdliteOptions) -> DenseDetector:
    """Build the detector for those foreground classes."""
    anchors = DefaultBoxGenerator(RATIOS, *SCALES)
    trained = TRUNK.network.network(weights=None, norm_layer=_norm)
    outputs = len(class_names) + 1
    backbone = _extractor(TRUNK.network.cut(trained))
    _keep_one_cell(backbone, options.imgsz)
    network = SSD(
        backbone,
        anchors,
        (options.imgsz, options.imgsz),
        outputs,
        head=SSDLiteHead(CHANNELS, anchors.num_anchors_per_location(), outputs, _norm),
        positive_fraction=1 / (1 + NEGATIVES),
    )
    spec = detector_spec(class_names, options)
    return DenseDetector(spec, network, HardNegativeRules(), TRUNK, options.top_k)
