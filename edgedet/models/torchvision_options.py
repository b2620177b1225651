"""What can be set on the detectors that come from torchvision."""

from dataclasses import dataclass
from typing import Protocol

from edgedet.models import option_checks as check
from edgedet.runtime.errors import UsageError
from edgedet.runtime.spec import RESIZES, ModelSpec

RESNET_BLOCKS = 5
"""The stem and the four layers: what `frozen_blocks` counts."""
PYRAMID_DIVISOR = 32
"""torchvision pads the inputs of a pyramid to multiples of the stride of a ResNet's last layer."""

_CHECKS: tuple[check.Check, ...] = (
    check.count("imgsz"),
    ("mean", "3 numbers", lambda v: check.are_all(v, check.is_number, 3)),
    ("std", "3 positive numbers", lambda v: check.are_all(v, check.is_positive, 3)),
    check.count("top_k"),
    check.fraction("score_threshold"),
    check.fraction("nms_iou"),
)
_RESNET_CHECKS: tuple[check.Check, ...] = (
    (
        "frozen_blocks",
        f"a whole number in 0..{RESNET_BLOCKS}",
        lambda v: check.is_whole(v, 0) and v <= RESNET_BLOCKS,
    ),
    check.switch("frozen_norm"),
)
_NAMES = {"resize": RESIZES}


class DetectorOptions(Protocol):
    """What the options of every detector say about its input and its thresholds."""

    @property
    def imgsz(self) -> int:
        """Side of the square input in px."""

    @property
    def mean(self) -> tuple[float, float, float]:
        """RGB mean of pixel / 255."""

    @property
    def std(self) -> tuple[float, float, float]:
        """RGB deviation of pixel / 255."""

    @property
    def resize(self) -> str:
        """How a frame becomes square."""

    @property
    def score_threshold(self) -> float:
        """Score from which a detection is reported by default."""

    @property
    def nms_iou(self) -> float:
        """Overlap above which the weaker of two detections of a class is dropped."""


def detector_spec(class_names: tuple[str, ...], options: DetectorOptions) -> ModelSpec:
    """Return what goes in and what comes out of a detector of those classes."""
    return ModelSpec(
        class_names=class_names,
        size_hw=(options.imgsz, options.imgsz),
        mean=options.mean,
        std=options.std,
        resize=options.resize,
        score_threshold=options.score_threshold,
        nms_iou=options.nms_iou,
    )


@dataclass(frozen=True)
class ResnetFpnOptions:
    """What can be set on a detector on a ResNet with a feature pyramid."""

    imgsz: int = 512
    """Side of the square input in px, a multiple of 32."""
    frozen_blocks: int = 2
    """0 trains the whole ResNet; n keeps the stem and the first n - 1 of its 4 layers as loaded."""
    frozen_norm: bool = True
    """Keep the statistics and scales of all normalisation in the ResNet as they were loaded."""
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    """RGB mean of pixel / 255 that is subtracted."""
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    """RGB deviation of pixel / 255 that is divided by."""
    resize: str = "stretch"
    """"stretch", or "letterbox"."""
    top_k: int = 1000
    """Candidates that are returned."""
    score_threshold: float = 0.25
    """Score from which a detection is reported by default."""
    nms_iou: float = 0.5
    """Overlap above which the weaker of two detections of a class is dropped."""

    def __post_init__(self) -> None:
        check.check_options(self, _CHECKS + _RESNET_CHECKS)
        check.check_names(self, _NAMES)
        if self.imgsz % PYRAMID_DIVISOR:
            nearest = max(1, round(self.imgsz / PYRAMID_DIVISOR)) * PYRAMID_DIVISOR
            raise UsageError(
                f"imgsz as a multiple of {PYRAMID_DIVISOR} for a feature pyramid",
                str(self.imgsz),
                f"take {nearest}",
            )


@dataclass(frozen=True)
class SsdliteOptions:
    """What can be set on SSDLite."""

    imgsz: int = 512
    """Side of the square input in px."""
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    """RGB mean of pixel / 255 that is subtracted."""
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    """RGB deviation of pixel / 255 that is divided by."""
    resize: str = "stretch"
    """"stretch", or "letterbox"."""
    top_k: int = 1000
    """Candidates that the graph returns."""
    score_threshold: float = 0.25
    """Score from which a detection is reported by default."""
    nms_iou: float = 0.55
    """Overlap above which the weaker of two detections of a class is dropped."""

    def __post_init__(self) -> None:
        check.check_options(self, _CHECKS)
        check.check_names(self, _NAMES)
