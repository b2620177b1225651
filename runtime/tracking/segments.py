"""Points and the straight segments around or across which they move, all pairs at once."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def crossings(
    before_xy: "Floats", after_xy: "Floats", starts_xy: "Floats", ends_xy: "Floats"
) -> "NDArray[np.int64]":
    """How moves [n] from one point [n,2] to the other cross segments [s] from start [s,2] to end.

    [n,s]: 1 from the left to the right of one who looks from start to end, -1 back, 0 not at all.
    A point on the line through a segment counts as right of it, so that no crossing counts twice.
    """
    was, now = _sides(before_xy, starts_xy, ends_xy), _sides(after_xy, starts_xy, ends_xy)
    turn = (now >= 0).astype(np.int64) - (was >= 0)
    share = was / np.where(turn != 0, was - now, 1)
    where = before_xy[:, None] + share[..., None] * (after_xy - before_xy)[:, None]
    along = ends_xy - starts_xy
    length = ((where - starts_xy) * along).sum(axis=2)
    on_it = (length >= 0) & (length <= (along * along).sum(axis=1))
    result: "NDArray[np.int64]" = turn * on_it
    return result


def rays_cut(points_xy: "Floats", starts_xy: "Floats", ends_xy: "Floats") -> "NDArray[np.bool_]":
    """[n,s] whether a ray from a point [n,2] to the right meets a segment [s].

    A point is inside a polygon when its ray meets an odd number of the edges.
    """
    x, y = points_xy[:, :1], points_xy[:, 1:]
    rise = ends_xy[:, 1] - starts_xy[:, 1]
    spans = (starts_xy[:, 1] <= y) != (ends_xy[:, 1] <= y)
    share = (y - starts_xy[:, 1]) / np.where(rise != 0, rise, 1)
    where = starts_xy[:, 0] + share * (ends_xy[:, 0] - starts_xy[:, 0])
    result: "NDArray[np.bool_]" = spans & (x < where)
    return result


def distances(points_xy: "Floats", starts_xy: "Floats", ends_xy: "Floats") -> "Floats":
    """[n,s] from points [n,2] to the nearest point of segments [s]."""
    along = ends_xy - starts_xy
    from_start = points_xy[:, None] - starts_xy
    share = (from_start * along).sum(axis=2) / (along * along).sum(axis=1)
    nearest = np.clip(share, 0, 1)[..., None] * along
    offset = from_start - nearest
    result: "Floats" = np.sqrt((offset * offset).sum(axis=2))
    return result


def _sides(points_xy: "Floats", starts_xy: "Floats", ends_xy: "Floats") -> "Floats":
    """[n,s] above 0 where a point is right of the line through a segment, in image coordinates."""
    along = ends_xy - starts_xy
    offset = points_xy[:, None] - starts_xy
    return along[:, 0] * offset[..., 1] - along[:, 1] * offset[..., 0]
