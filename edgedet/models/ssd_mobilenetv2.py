"""SSD on MobileNetV2: the original attachment, and the one fitted to the objects' scale."""

from dataclasses import dataclass
from typing import Any

import torch

from edgedet.models import option_checks as check
from edgedet.models.anchors import MEASURES, grid_anchors, shapes_of_ratios, square_sides
from edgedet.models.box_codes import BOX_CODES, box_code
from edgedet.models.feature_maps import SsdFeatureMaps
from edgedet.models.matching import MatchRule
from edgedet.models.samplers import SAMPLERS, build_sampler
from edgedet.models.ssd import Ssd
from edgedet.models.ssd_loss import SsdLoss
from edgedet.models.trunk import TAPS, taps_named
from edgedet.runtime.errors import UsageError
from edgedet.runtime.spec import RESIZES, ModelSpec

LEVELS = 4


def _are_class_weights(value: Any) -> bool:
    return value in ("none", "auto") or check.are_all(value, check.is_positive)


def _are_anchors(value: Any) -> bool:
    return check.are_all(value, check.is_positive, LEVELS)


_CHECKS: tuple[check.Check, ...] = (
    check.count("imgsz"),
    ("anchors", f"{LEVELS} positive numbers, one a level", _are_anchors),
    ("ratios", "a list of positive numbers", lambda v: check.are_all(v, check.is_positive)),
    ("negative_ratio", "a number from 0 on", lambda v: check.is_number(v, low=0)),
    ("class_weights", "none, auto or positive numbers, one a class", _are_class_weights),
    check.fraction("positive_iou"),
    check.fraction("forced_iou"),
    check.switch("iou_plus_one"),
    check.switch("double_softmax"),
    ("frozen_blocks", "a whole number from 0 on", lambda v: check.is_whole(v, 0)),
    ("mean", "3 numbers", lambda v: check.are_all(v, check.is_number, 3)),
    ("std", "3 positive numbers", lambda v: check.are_all(v, check.is_positive, 3)),
    check.count("top_k"),
    check.fraction("score_threshold"),
    check.fraction("nms_iou"),
)

_NAMES = {
    "taps": TAPS,
    "anchor_measure": MEASURES,
    "sampler": SAMPLERS,
    "box_code": BOX_CODES,
    "resize": RESIZES,
}


@dataclass(frozen=True)
class SsdOptions:
    """What can be set on an SSD; the defaults are column three of the spec's section 8."""

    imgsz: int = 512
    """Side of the square input in px."""
    taps: str = "paper"
    """Where the first two heads attach: "paper" (blocks 5, 8), "code" (6, 10), "original"."""
    anchors: tuple[float, ...] = (25.0, 38.0, 58.0, 87.0)
    """Anchor size of each of the four levels in px of the input."""
    anchor_measure: str = "side"
    """Whether `anchors` are a square's "side" or its "diagonal"."""
    ratios: tuple[float, ...] = (1.0,)
    """Width / height of the anchors of a cell, all of equal area."""
    sampler: str = "dns"
    """"dns", or "basic" with `negative_ratio`."""
    negative_ratio: float = 3.0
    """Negatives for each positive with the basic sampler."""
    class_weights: str | tuple[float, ...] = "none"
    """"none", "auto" (n_max / n_c of the training part), or one number a class."""
    box_code: str = "ssd"
    """"ssd" (centre and log size), or the authors' "topleft_linear"."""
    positive_iou: float = 0.4
    """An anchor with at least this IoU answers for the object."""
    forced_iou: float = 0.2
    """An object without such an anchor takes its best one if that reaches this IoU."""
    iou_plus_one: bool = False
    """Match by the authors' IoU, which adds 1 px to the intersection."""
    double_softmax: bool = False
    """Softmax before the cross-entropy, as in the authors' code."""
    frozen_blocks: int = 0
    """0 trains the whole trunk; n keeps the stem and the first n blocks as loaded."""
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    """RGB mean of pixel / 255 that is subtracted."""
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    """RGB deviation of pixel / 255 that is divided by."""
    resize: str = "stretch"
    """"stretch" (anchors were tuned after it), or "letterbox"."""
    top_k: int = 1000
    """Candidates the graph returns."""
    score_threshold: float = 0.25
    """Score from which a detection is reported by default."""
    nms_iou: float = 0.3
    """Overlap above which the weaker of two detections of a class is dropped."""

    def __post_init__(self) -> None:
        check.check_options(self, _CHECKS)
        check.check_names(self, _NAMES)


CODE_PRESET: dict[str, Any] = {
    "taps": "code",
    "iou_plus_one": True,
    "box_code": "topleft_linear",
    "double_softmax": True,
    "score_threshold": 0.3,
}
"""What the authors' repository does where it departs from the paper (spec 8, column two)."""


def _class_weights(weights: str | tuple[float, ...], classes: int) -> torch.Tensor:
    if weights == "none":
        return torch.ones(classes + 1)
    if isinstance(weights, str) or len(weights) != classes:
        raise UsageError(
            f"class_weights as none, auto or {classes} positive numbers, one a class",
            repr(weights),
            "give one number for each class of the data",
        )
    return torch.tensor((1.0, *weights))


def _spec(class_names: tuple[str, ...], options: SsdOptions) -> ModelSpec:
    return ModelSpec(
        class_names=class_names,
        size_hw=(options.imgsz, options.imgsz),
        mean=options.mean,
        std=options.std,
        resize=options.resize,
        score_threshold=options.score_threshold,
        nms_iou=options.nms_iou,
    )


def ssd_mobilenetv2(class_names: tuple[str, ...], options: SsdOptions) -> Ssd:
    """Build the detector for those foreground classes."""
    maps = SsdFeatureMaps(taps_named(options.taps), options.frozen_blocks)
    spec = _spec(class_names, options)
    sides = square_sides(options.anchors, options.anchor_measure)
    anchors = [
        grid_anchors(spec.size_hw, stride, shapes_of_ratios(side, options.ratios))
        for stride, side in zip(maps.strides, sides, strict=True)
    ]
    criterion = SsdLoss(
        rule=MatchRule(options.positive_iou, options.positive_iou, options.forced_iou),
        code=box_code(options.box_code),
        sampler=build_sampler(options.sampler, options.negative_ratio),
        plus_one=options.iou_plus_one,
        double_softmax=options.double_softmax,
    )
    weights = _class_weights(options.class_weights, len(class_names))
    return Ssd(spec, maps, anchors, criterion, weights, options.top_k)
