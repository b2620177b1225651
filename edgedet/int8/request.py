"""What is asked of one INT8 export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgedet.calibration.methods import METHODS
from edgedet.calibration.placement import FORMS, Form
from edgedet.data.opening import SPLITS
from edgedet.runtime.errors import UsageError

AUTO = "auto"


@dataclass(frozen=True)
class Int8Request:
    """Which model, on which data, and how much accuracy it may cost."""

    model: Path
    """An ONNX file in FP32, as `edgedet export` writes it."""
    data: str
    """A labelled data set as `open_annotations` knows it, or "shapes"."""
    out: Path
    """The folder of the results."""
    forms: tuple[Form, ...] = FORMS
    """Which forms are made: "tensorrt", "cpu"."""
    method: str = AUTO
    """How the ranges are chosen: minmax, entropy, percentile, mse; auto: the best by AP."""
    max_drop: float = 1.0
    """Most points of AP (hundredths) that INT8 may lose against FP32."""
    max_drop_smallest: float = 2.0
    """The same for the smallest size of which there are enough objects; a wider bound, for their
    AP moves more by chance."""
    budget_minutes: float = 30.0
    """Time after which no further repair is tried; what was begun is finished."""
    images: int = 256
    """To calibrate on."""
    calibration_split: str = "train"
    split: str = "val"
    """On which AP is measured: other images than those of the calibration."""
    bbox_mode: str = "xywh"
    buckets: str = "coco"
    """Sizes to report, as `parse_buckets` reads them."""
    seed: int = 0

    def __post_init__(self) -> None:
        _check_word("a method", self.method, (AUTO, *METHODS))
        for form in self.forms:
            _check_word("a form", form, FORMS)
        for split in (self.calibration_split, self.split):
            _check_word("a split", split, SPLITS)
        if not self.forms:
            raise UsageError("a form of INT8", "none", f"choose among {', '.join(FORMS)}")
        for name in ("max_drop", "max_drop_smallest", "budget_minutes"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise UsageError(f"{name} of at least 0", f"{value:g}", "choose another")

    @property
    def methods(self) -> tuple[str, ...]:
        """To try."""
        return tuple(METHODS) if self.method == AUTO else (self.method,)


def _check_word(what: str, word: str, words: tuple[str, ...]) -> None:
    if word not in words:
        raise UsageError(f"{what} among {', '.join(words)}", word, "choose one of them")
