"""What each model trains well with: literals only, laid under the recipe file and the flags."""

from typing import Any


def _multiscale_shapes() -> dict[str, Any]:
    """`shapes_keypoints` spec, A3: SGD, momentum 0.9, batch 16, 50 epochs, no augmentation.

    The learning rate is the spec's "sensible option": the report's 0.001 is ten times lower.
    """
    return {
        "imgsz": 224,
        "weights": "none",
        "epochs": 50,
        "batch": 16,
        "optimizer": "sgd",
        "lr": 0.01,
        "momentum": 0.9,
        "weight_decay": 0.0,
        "clip_norm": 10.0,
        "ema_decay": 0.998,
        "augment": (),
    }


def _mobilenetv2_ssd() -> dict[str, Any]:
    """From ImageNet weights; docs/results/pear640.md has half the epochs, and what makes a CPU
    fast. The paper's own recipe is Adam 1e-4, batch 4, 500 epochs (`scale_aware_ssd` spec 6); like
    it, without augmentation: what each does is measured in docs/results/training_quality.md.
    """
    return {
        "imgsz": 512,
        "weights": "imagenet",
        "epochs": 60,
        "batch": 8,
        "optimizer": "adamw",
        "lr": 0.001,
        "weight_decay": 0.001,
        "clip_norm": 10.0,
        "ema_decay": 0.998,
        "augment": (),
    }


def _resnet_fpn(lr: float) -> dict[str, Any]:
    """torchvision's references/detection: SGD at a rate for 8 x 2 images, here for 8, and a
    schedule of 26 epochs over COCO: a small data set gets as many passes as the SSDs.

    clip_norm holds the first steps of new heads on a trained trunk.
    """
    return {
        "imgsz": 512,
        "weights": "imagenet",
        "epochs": 60,
        "batch": 8,
        "optimizer": "sgd",
        "lr": lr,
        "momentum": 0.9,
        "weight_decay": 0.0001,
        "clip_norm": 10.0,
        "ema_decay": 0.998,
        "augment": ("hflip",),
    }


def _ssdlite() -> dict[str, Any]:
    """torchvision's references/detection: SGD at .15 for 8 x 24 images, here for 8. Its 660
    epochs and its augmentation are for COCO from scratch.
    """
    return {
        "imgsz": 512,
        "weights": "imagenet",
        "epochs": 60,
        "batch": 8,
        "optimizer": "sgd",
        "lr": 0.00625,
        "momentum": 0.9,
        "weight_decay": 0.00004,
        "clip_norm": 10.0,
        "ema_decay": 0.998,
        "augment": ("hflip",),
    }


DEFAULT_RECIPES: dict[str, dict[str, Any]] = {
    "multiscale_shapes": _multiscale_shapes(),
    "scale_aware_ssd": _mobilenetv2_ssd(),
    "ssd_mobilenetv2": _mobilenetv2_ssd(),
    "faster_rcnn_r50_fpn": _resnet_fpn(lr=0.01),
    "faster_rcnn_r101_fpn": _resnet_fpn(lr=0.01),
    "retinanet_r50_fpn": _resnet_fpn(lr=0.005),
    "ssdlite_mobilenetv3": _ssdlite(),
}
"""Recipe keys by model name; a model that is not here takes the defaults of `Recipe`."""
