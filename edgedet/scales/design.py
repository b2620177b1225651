"""One way to build the detector: where heads attach, and the anchors of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgedet.scales.levels import Layout
from edgedet.scales.objects import Floats


@dataclass(frozen=True)
class Design:
    """Levels, and the anchor sides of each in px of the input; every side in every ratio."""

    origin: str
    """How the sizes were found, in words."""
    layout: Layout
    anchors: tuple[tuple[float, ...], ...]
    """One entry a level."""
    ratios: tuple[float, ...] = (1.0,)
    """Width / height."""

    @property
    def sides(self) -> list[float]:
        """Every anchor side, level by level."""
        return [side for sides in self.anchors for side in sides]

    @property
    def strides(self) -> list[int]:
        """The stride of the level of each of `sides`."""
        levels = zip(self.layout.levels, self.anchors, strict=True)
        return [level.stride for level, sides in levels for _ in sides]

    @property
    def a_scores(self) -> Floats:
        """Receptive field / anchor side of each of `sides`."""
        levels = zip(self.layout.levels, self.anchors, strict=True)
        return np.array([level.field_px / side for level, sides in levels for side in sides])

    @property
    def shapes(self) -> int:
        """Anchors of different size or form."""
        return len(self.sides) * len(self.ratios)

    def options(self) -> dict[str, Any]:
        """Return the model options that build it; single anchors of a level as plain numbers."""
        anchors = [sides[0] if len(sides) == 1 else list(sides) for sides in self.anchors]
        taps = self.layout.taps if isinstance(self.layout.taps, str) else list(self.layout.taps)
        found: dict[str, Any] = {"trunk": self.layout.trunk, "taps": taps, "anchors": anchors}
        return found if self.ratios == (1.0,) else {**found, "ratios": list(self.ratios)}


def grouped(sides: Sequence[float], owner: Iterable[int]) -> tuple[tuple[float, ...], ...]:
    """Return the sides of each level, of which `owner` names one for each side."""
    pairs = list(zip(sides, owner, strict=True))
    levels = range(max(level for _, level in pairs) + 1)
    return tuple(tuple(s for s, o in pairs if o == level) for level in levels)
