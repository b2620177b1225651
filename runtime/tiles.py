"""Overlapping parts of a frame, and what was found in them put together."""

from typing import TYPE_CHECKING, List, NamedTuple, Sequence, Tuple

import numpy as np

from .boxes import areas, greedy, intersections
from .detections import Detections
from .errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .boxes import Pair

CUT_SHARE = 0.6
"""A box cut by the edge of a tile goes when so much of the smaller box lies in the other one."""
SURE_SHARE = 0.5
"""A cut box counts as so much less sure. Behind all whole ones it would go even when a tile is sure
of it, and the whole frame hardly shows anything."""
EDGE_PX = 2.0
"""A box that ends so near to the edge of its tile was cut by it; graphs round to about a pixel."""


class Tiling(NamedTuple):
    """How a frame is cut."""

    grid: Tuple[int, int]
    """Rows and columns."""
    overlap: float = 0.2
    """Of neighbouring tiles, as a share of their side, 0 up to below 1. Objects up to so large are
    whole in one of them."""
    whole: bool = True
    """Whether to look at the whole frame as well: objects larger than the overlap are cut by
    tiles."""


def check_tiling(tiling: Tiling) -> Tiling:
    """Return the tiling; UsageError for one that is out of range."""
    rows, columns = tiling.grid
    if rows < 1 or columns < 1:
        found = "{}x{}".format(columns, rows)
        raise UsageError("at least 1x1 tiles", found, "give a number of columns and rows")
    if not 0 <= tiling.overlap < 1:
        expected = "an overlap of tiles of at least 0, below 1"
        raise UsageError(expected, str(tiling.overlap), "give a share of their side such as 0.2")
    return tiling


def tiles_of(size_hw: Tuple[int, int], tiling: Tiling) -> "NDArray[np.int64]":
    """Tiles [t,4] as left, top, right, bottom in pixels, row by row; the whole frame, if it is one
    of them, comes last. Together they cover the frame, and neighbours have the same size."""
    tops, bottoms = _spans(size_hw[0], tiling.grid[0], tiling.overlap)
    lefts, rights = _spans(size_hw[1], tiling.grid[1], tiling.overlap)
    boxes = [
        (left, top, right, bottom)
        for top, bottom in zip(tops, bottoms)
        for left, right in zip(lefts, rights)
    ]
    if tiling.whole and len(boxes) > 1:
        boxes.append((0, 0, size_hw[1], size_hw[0]))
    return np.array(boxes, np.int64)


def _spans(size: int, count: int, overlap: float) -> Tuple[List[int], List[int]]:
    """First and last pixel (exclusive) of ``count`` equal parts of a side."""
    side = min(size, int(np.ceil(size / (count - (count - 1) * overlap))))
    starts = [int(round(i * (size - side) / max(1, count - 1))) for i in range(count)]
    return starts, [start + side for start in starts]


def merge(
    found: Sequence[Detections],
    tiles_xyxy: "NDArray[np.int64]",
    iou_threshold: float,
    max_detections: int,
) -> Detections:
    """What was found in each tile, in its pixels, as one result in pixels of the frame.

    Of boxes of one class from different tiles the weaker one goes when their IoU is above the
    threshold. A box that an edge of its tile cuts off is a part of an object: it counts as half as
    sure, and goes as well when it lies in a box that counts for more, whatever their sizes.
    """
    tile_of = np.repeat(np.arange(len(found)), [len(each) for each in found])
    shift = np.tile(tiles_xyxy[:, :2], 2)[tile_of].astype(np.float32)
    boxes_xyxy = np.concatenate([each.boxes_xyxy for each in found]) + shift
    scores = np.concatenate([each.scores for each in found])
    labels = np.concatenate([each.labels for each in found])
    cut = _cut(boxes_xyxy, tiles_xyxy[tile_of], tiles_xyxy)
    order = np.argsort(-scores * np.where(cut, SURE_SHARE, 1.0), kind="mergesort")
    boxes_xyxy, scores, labels = boxes_xyxy[order], scores[order], labels[order]
    tile_of, cut = tile_of[order], cut[order]

    def overlaps(pair: "Pair") -> "NDArray[np.bool_]":
        first, second = pair
        same = _overlaps(boxes_xyxy[first], boxes_xyxy[second], cut[second], iou_threshold)
        same &= labels[first][:, None] == labels[second]
        same &= tile_of[first][:, None] != tile_of[second]
        return same

    kept = greedy(len(order), overlaps)
    best = kept[np.argsort(-scores[kept], kind="mergesort")][:max_detections]
    return Detections(boxes_xyxy[best], scores[best], labels[best])


def _cut(
    boxes_xyxy: "NDArray[np.float32]",
    own_tiles_xyxy: "NDArray[np.int64]",
    tiles_xyxy: "NDArray[np.int64]",
) -> "NDArray[np.bool_]":
    """Whether each box [n,4] ends at an edge of its tile that is not an edge of the frame."""
    frame = np.concatenate([tiles_xyxy[:, :2].min(axis=0), tiles_xyxy[:, 2:].max(axis=0)])
    near = np.abs(boxes_xyxy - own_tiles_xyxy) <= EDGE_PX
    result: "NDArray[np.bool_]" = (near & (own_tiles_xyxy != frame)).any(axis=1)
    return result


def _overlaps(
    first_xyxy: "NDArray[np.float32]",
    second_xyxy: "NDArray[np.float32]",
    second_cut: "NDArray[np.bool_]",
    iou_threshold: float,
) -> "NDArray[np.bool_]":
    """Which boxes [n,4] stand for the same object as which later ones [m,4]: [n,m]."""
    shared = intersections(first_xyxy, second_xyxy)
    first, second = areas(first_xyxy)[:, None], areas(second_xyxy)[None]
    same = shared > iou_threshold * (first + second - shared)
    same |= second_cut & (shared > CUT_SHARE * np.minimum(first, second))
    result: "NDArray[np.bool_]" = same
    return result
