"""What is remembered of each track from frame to frame, and forgotten some time after it."""

from typing import TYPE_CHECKING, Tuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class TrackMemory:
    """Numbers [width] of each track, by its id; those of a track unseen for too long go."""

    def __init__(self, width: int, forget_s: float) -> None:
        self._forget_s = forget_s
        self.ids = np.zeros(0, np.int64)
        """[n] ascending."""
        self.seen_s = np.zeros(0)
        """[n] when each was last given."""
        self.values = np.zeros((0, width))
        """[n,width]; may be written to."""

    def rows(
        self, track_ids: "NDArray[np.int64]", time_s: float
    ) -> "Tuple[NDArray[np.intp], NDArray[np.bool_]]":
        """The row [k] of each of these different tracks, and whether [k] it is new: NaN then.

        Notes that they were seen now, and forgets others.
        """
        new = ~np.isin(track_ids, self.ids)
        stay = np.isin(self.ids, track_ids) | (time_s - self.seen_s <= self._forget_s)
        ids = np.concatenate([self.ids[stay], track_ids[new]])
        order = np.argsort(ids)
        blank = np.full((np.count_nonzero(new), self.values.shape[1]), np.nan)
        self.ids = ids[order]
        self.values = np.concatenate([self.values[stay], blank])[order]
        self.seen_s = np.concatenate([self.seen_s[stay], np.full(len(blank), time_s)])[order]
        rows = np.searchsorted(self.ids, track_ids)
        self.seen_s[rows] = time_s
        return rows, new
