"""What can be set on an SSD: the original attachment, and the one fitted to the objects' scale."""

from dataclasses import dataclass
from typing import Any

from edgedet.models import option_checks as check
from edgedet.models.anchors import MEASURES
from edgedet.models.box_codes import BOX_CODES
from edgedet.models.detector_options import CHECKS
from edgedet.models.feature_maps import check_levels
from edgedet.models.samplers import SAMPLERS
from edgedet.models.ssd_head import HEAD_STARTS
from edgedet.models.trunk import taps_of
from edgedet.models.trunk_networks import TRUNKS
from edgedet.runtime.spec import RESIZES


def _are_class_weights(value: Any) -> bool:
    return value in ("none", "auto") or check.are_all(value, check.is_positive)


def _are_sizes(value: Any) -> bool:
    return check.is_positive(value) or check.are_all(value, check.is_positive)


def _are_anchors(value: Any) -> bool:
    return check.are_all(value, _are_sizes)


def _are_taps(value: Any) -> bool:
    return isinstance(value, str) or check.are_all(value, lambda v: check.is_whole(v, 1))


_CHECKS: tuple[check.Check, ...] = (
    *CHECKS,
    ("taps", "a name, or a list of block numbers from 1 on", _are_taps),
    ("anchors", "a list of positive numbers or lists of them, one entry a level", _are_anchors),
    ("ratios", "a list of positive numbers", lambda v: check.are_all(v, check.is_positive)),
    ("negative_ratio", "a number from 0 on", lambda v: check.is_number(v, low=0)),
    ("class_weights", "none, auto or positive numbers, one a class", _are_class_weights),
    check.fraction("positive_iou"),
    check.fraction("forced_iou"),
    check.switch("iou_plus_one"),
    check.switch("double_softmax"),
    ("frozen_blocks", "a whole number from 0 on", lambda v: check.is_whole(v, 0)),
)

_NAMES = {
    "trunk": TRUNKS,
    "anchor_measure": MEASURES,
    "sampler": SAMPLERS,
    "box_code": BOX_CODES,
    "head_start": HEAD_STARTS,
    "resize": RESIZES,
}


@dataclass(frozen=True)
class SsdOptions:
    """What can be set on an SSD; the defaults are column three of the spec's section 8,
    but for `head_start`."""

    imgsz: int = 512
    """Side of the square input in px."""
    trunk: str = "mobilenet_v2"
    """The network that the heads attach to: "mobilenet_v2", "mobilenet_v3_large", "resnet18"."""
    taps: str | tuple[int, ...] = "paper"
    """Where the first heads attach: block numbers of the trunk, finest first, or a name for
    MobileNetV2: "paper" (blocks 5, 8), "code" (6, 10), "original" (inside 14, 18)."""
    anchors: tuple[float | tuple[float, ...], ...] = (25.0, 38.0, 58.0, 87.0)
    """Anchor size of each level in px of the input, or several; extra maps make up for the levels
    that have no tap."""
    anchor_measure: str = "side"
    """Whether `anchors` are a square's "side" or its "diagonal"."""
    ratios: tuple[float, ...] = (1.0,)
    """Width / height of the anchors of a cell: every size in every ratio, its area kept."""
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
    head_start: str = "small"
    """First weights of the heads: "small" (normal, deviation 0.01), or the paper's "xavier"."""
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
        check_levels(len(self.anchors), len(taps_of(self.trunk, self.taps)))


CODE_PRESET: dict[str, Any] = {
    "taps": "code",
    "iou_plus_one": True,
    "box_code": "topleft_linear",
    "double_softmax": True,
    "head_start": "xavier",
    "score_threshold": 0.3,
}
"""What the authors' repository does where it departs from the paper (spec 8, column two)."""
