"""What the options of the detectors have in common: input, candidates and thresholds."""

from typing import Protocol

from edgedet.models import option_checks as check
from edgedet.runtime.spec import ModelSpec

CHECKS: tuple[check.Check, ...] = (
    check.count("imgsz"),
    ("mean", "3 numbers", lambda v: check.are_all(v, check.is_number, 3)),
    ("std", "3 positive numbers", lambda v: check.are_all(v, check.is_positive, 3)),
    check.count("top_k"),
    check.fraction("score_threshold"),
    check.fraction("nms_iou"),
)


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
