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
    fast. The paper's own recipe is Adam 1e-4, batch 4, 500 epochs (`scale_aware_ssd` spec 6).
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
        "augment": ("hflip",),
    }


DEFAULT_RECIPES: dict[str, dict[str, Any]] = {
    "multiscale_shapes": _multiscale_shapes(),
    "scale_aware_ssd": _mobilenetv2_ssd(),
    "ssd_mobilenetv2": _mobilenetv2_ssd(),
}
"""Recipe keys by model name; a model that is not here takes the defaults of `Recipe`."""
