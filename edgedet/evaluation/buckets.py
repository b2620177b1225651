"""Ranges of object size by which a result is split."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgedet.nearest import nearest_name
from edgedet.runtime.errors import UsageError


@dataclass(frozen=True)
class SizeBucket:
    """Objects whose box has an area in [min_side², max_side²] px², both ends included.

    Both ends are included because COCO's evaluator does so: an object exactly on a border
    belongs to both neighbours.
    """

    name: str
    min_side: float
    """Side in pixels of the image of the square with the smallest area."""
    max_side: float
    """Side in pixels of the image of the square with the largest area."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_side < self.max_side:
            raise UsageError(
                "a bucket with 0 <= smallest side < largest side",
                f"{self.name}:{self.min_side:g}-{self.max_side:g}",
                "write it as name:SMALLEST-LARGEST in pixels",
            )

    @property
    def area_range(self) -> tuple[float, float]:
        """Smallest and largest area in px²."""
        return self.min_side**2, self.max_side**2

    @property
    def label(self) -> str:
        """The name with its range for people: ``small (0-32 px)``."""
        if self.max_side >= UNBOUNDED_SIDE:
            return f"{self.name} (>{self.min_side:g} px)"
        return f"{self.name} ({self.min_side:g}-{self.max_side:g} px)"


UNBOUNDED_SIDE = 1e5
"""COCO's stand-in for "no upper limit"."""

EVERY_SIZE = SizeBucket("all", 0, UNBOUNDED_SIDE)

COCO_BUCKETS = (
    SizeBucket("small", 0, 32),
    SizeBucket("medium", 32, 96),
    SizeBucket("large", 96, UNBOUNDED_SIDE),
)
"""The three of COCO (Lin et al. 2014); here by the area of the box, not of a mask."""

AITOD_BUCKETS = (
    SizeBucket("aitod-very-tiny", 2, 8),
    SizeBucket("aitod-tiny", 8, 16),
    SizeBucket("aitod-small", 16, 32),
    SizeBucket("aitod-medium", 32, 64),
)
"""The four of AI-TOD (Wang et al. 2021); prefixed, as two names mean other sizes in COCO."""

BUCKET_SETS = {"coco": COCO_BUCKETS, "aitod": AITOD_BUCKETS}

_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE]\+?\d+)?"
_CUSTOM = re.compile(rf"([^:,]+):({_NUMBER})-({_NUMBER})")


def parse_buckets(text: str) -> tuple[SizeBucket, ...]:
    """Read ``coco``, ``aitod`` or ``name:SMALLEST-LARGEST`` (px of side), separated by commas.

    ``"coco,near:0-32,far:32-1e5"`` gives COCO's three and two of the user's own. An empty text
    gives none. Raises UsageError for anything else and for a name used twice.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    buckets = tuple(bucket for part in parts for bucket in _buckets_of(part))
    names = [bucket.name for bucket in buckets]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError("each bucket once", f"{twice[0]} twice", "rename one of them")
    return buckets


def _buckets_of(part: str) -> tuple[SizeBucket, ...]:
    if part in BUCKET_SETS:
        return BUCKET_SETS[part]
    custom = _CUSTOM.fullmatch(part)
    if custom is None:
        near = nearest_name(part, BUCKET_SETS)
        hint = f"did you mean {near}?" if near else "for example --buckets near:0-32,far:32-1e5"
        raise UsageError(f"buckets {', '.join(BUCKET_SETS)} or name:SMALLEST-LARGEST", part, hint)
    return (SizeBucket(custom[1].strip(), float(custom[2]), float(custom[3])),)
