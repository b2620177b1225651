"""The reference: torchvision's ssdlite320_mobilenet_v3_large at any square input, no weights."""

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
import torch
from torch import Tensor, nn
from torchvision.models.detection import ssdlite320_mobilenet_v3_large
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.ssd import SSD
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from edgedet.export.constant_folding import fold_constants


def build_ssdlite(classes: int, side: int) -> SSD:
    """Return the detector for `classes` foreground classes and inputs of `side` x `side`.

    Its own resize is left out: the benchmarks give it images of the right size, as they do to
    the others.
    """
    model = ssdlite320_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=classes + 1
    )
    mean, std = model.transform.image_mean, model.transform.image_std
    model.transform = GeneralizedRCNNTransform(
        side, side, mean, std, size_divisible=1, fixed_size=(side, side), _skip_resize=True
    )
    return model


class SsdliteNetwork(nn.Module):
    """Backbone and heads alone: no anchors, no decoding, no NMS."""

    def __init__(self, model: SSD) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return class logits [N, A, C + 1] and box codes [N, A, 4] of images [N, 3, H, W]."""
        head = self.model.head(list(self.model.backbone(images).values()))
        return head["cls_logits"], head["bbox_regression"]


class SsdliteWhole(nn.Module):
    """Backbone, heads, decoding and NMS with torchvision's own thresholds, for one image."""

    def __init__(self, model: SSD) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return boxes_xyxy [n, 4], scores [n] and labels [n] of images [1, 3, H, W]."""
        size = (images.shape[2], images.shape[3])
        maps = list(self.model.backbone(images).values())
        anchors = self.model.anchor_generator(ImageList(images, [size]), maps)
        (found,) = self.model.postprocess_detections(self.model.head(maps), anchors, [size])
        return found["boxes"], found["scores"], found["labels"]


def onnx_bytes(module: nn.Module, side: int) -> bytes:
    """Return `module` as FP32 ONNX, opset 13, static input `images` [1, 3, side, side]."""
    with TemporaryDirectory() as folder, warnings.catch_warnings(), torch.inference_mode():
        path = Path(folder, "model.onnx")
        # The legacy exporter warns of being legacy, and of constants that are wanted here.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            (torch.zeros(1, 3, side, side),),
            path,
            input_names=["images"],
            opset_version=13,
            dynamo=False,
        )
        # As our own export does: what hangs on no image is no work of the network's.
        graph: bytes = fold_constants(onnx.load(path)).SerializeToString()
        return graph
