"""Is what INT8 loses allowed? The bounds, and what exceeds them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgedet.runtime.errors import DataError

from .accuracy import Accuracy, Chance, points_lost

if TYPE_CHECKING:
    from edgedet.evaluation.buckets import SizeBucket

LEAST_OBJECTS = 20
"""Of a size that has a bound of its own: the AP of fewer moves by points when one is missed."""
SURE = 2
"""Standard errors: what is lost lies within them of what it is on many images, 19 times of 20."""


@dataclass(frozen=True)
class Gate:
    """FP32, and how far below it INT8 may be."""

    reference: Accuracy
    max_drop: float
    """Points of AP."""
    max_drop_smallest: float
    """Points of AP of the smallest size."""
    smallest: str | None
    """Name of its bucket; None when no size has enough objects."""
    objects: Mapping[str, int]
    """Of each bucket."""

    def drops(self, accuracy: Accuracy) -> tuple[float, float | None]:
        """Return the points lost in total, and of the smallest size."""
        total = points_lost(self.reference.ap, accuracy.ap)
        if self.smallest is None:
            return total, None
        before, now = (each.per_bucket[self.smallest] for each in (self.reference, accuracy))
        return total, points_lost(before, now)

    def excess(self, accuracy: Accuracy) -> float:
        """Return by how many points the worse of the two bounds is exceeded; at most 0: passed."""
        total, smallest = self.drops(accuracy)
        over = [total - self.max_drop]
        if smallest is not None:
            over.append(smallest - self.max_drop_smallest)
        return max(over)

    def passes(self, accuracy: Accuracy) -> bool:
        """Whether both bounds hold."""
        return self.excess(accuracy) <= 0

    def told(self, accuracy: Accuracy) -> str:
        """Return what is lost, and which bounds there are."""
        total, smallest = self.drops(accuracy)
        text = f"{total:.2f} points of AP lost (at most {self.max_drop:g})"
        if smallest is None:
            return text
        bound = f"(at most {self.max_drop_smallest:g})"
        return f"{text} and {smallest:.2f} of {self.smallest} objects {bound}"

    def luck(self, accuracy: Accuracy, chance: Chance) -> str | None:
        """Return which bounds hold, or do not, by less than chance may move; None for none."""
        total, smallest = self.drops(accuracy)
        told = []
        if abs(total - self.max_drop) < SURE * chance.total:
            told.append(f"that of {self.max_drop:g} in total ({total:.2f} ± {chance.total:.2f})")
        if smallest is not None and self.smallest is not None:
            error = chance.per_bucket[self.smallest]
            if abs(smallest - self.max_drop_smallest) < SURE * error:
                of = f"{self.objects[self.smallest]} {self.smallest} objects"
                bound = f"that of {self.max_drop_smallest:g} for {of}"
                told.append(f"{bound} ({smallest:.2f} ± {error:.2f})")
        return " and ".join(told) or None


def gate_for(
    reference: Accuracy,
    bounds: tuple[float, float],
    buckets: Sequence[SizeBucket],
    objects: Mapping[str, int],
) -> Gate:
    """Return the gate of a model with the accuracy `reference` in FP32.

    bounds: most points lost in total and of the smallest size. Raises DataError when the model
    finds nothing in the data: then there is no accuracy that INT8 could lose.
    """
    if math.isnan(reference.ap) or reference.ap <= 0:
        expected = "a data set of which the FP32 model finds something"
        raise DataError(expected, f"AP {reference.ap:.3f}", "check the data, split and model")
    seen = [bucket for bucket in buckets if objects[bucket.name] >= LEAST_OBJECTS]
    smallest = min(seen, key=lambda bucket: bucket.max_side, default=None)
    name = None if smallest is None else smallest.name
    return Gate(reference, *bounds, name, dict(objects))
