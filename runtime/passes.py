"""The times of a measurement, kept small: an hour of them fits into a board's memory."""

from array import array
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Pass(NamedTuple):
    """One batch of frames taken through a detector. Times in milliseconds."""

    preprocess: float
    infer: float
    postprocess: float
    frame_to_result: float
    network: float
    detections: float
    """Of all its frames."""
    end_s: float
    """Of time.monotonic."""


class Passes:
    """Passes in their order, a few bytes each."""

    def __init__(self) -> None:
        self._values = array("d")

    def __len__(self) -> int:
        return len(self._values) // len(Pass._fields)

    def add(self, one: Pass) -> None:
        """Keep one more."""
        self._values.extend(one)

    def column(self, name: str) -> "NDArray[Any]":
        """Return a field of all of them, float64 [passes]."""
        rows = np.array(self._values).reshape(-1, len(Pass._fields))
        values: "NDArray[Any]" = rows[:, Pass._fields.index(name)]
        return values
