"""What can be set on the detectors that come from torchvision."""

from dataclasses import dataclass

from edgedet.models import option_checks as check
from edgedet.models.detector_options import CHECKS
from edgedet.runtime.errors import UsageError
from edgedet.runtime.spec import RESIZES

RESNET_BLOCKS = 5
"""The stem and the four layers: what `frozen_blocks` counts."""
PYRAMID_DIVISOR = 32
"""torchvision pads the inputs of a pyramid to multiples of the stride of a ResNet's last layer."""

_RESNET_CHECKS: tuple[check.Check, ...] = (
    (
        "frozen_blocks",
        f"a whole number in 0..{RESNET_BLOCKS}",
        lambda v: check.is_whole(v, 0) and v <= RESNET_BLOCKS,
    ),
    check.switch("frozen_norm"),
)
_NAMES = {"resize": RESIZES}


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
        check.check_options(self, CHECKS + _RESNET_CHECKS)
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
        check.check_options(self, CHECKS)
        check.check_names(self, _NAMES)
