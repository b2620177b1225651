"""The cells of a detector's feature maps, level by level, row by row."""

from typing import TYPE_CHECKING, Iterable, Optional, Sequence, Tuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRIDES = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (16, 32))
"""Input pixels per cell of the levels that published detectors have."""


def grid_sizes(size_hw: Sequence[int], strides: Iterable[int]) -> "Tuple[Tuple[int, int], ...]":
    """Rows and columns of each level: convolutions with a stride of two round up."""
    height, width = size_hw
    return tuple((-(-height // stride), -(-width // stride)) for stride in strides)


def cell_count(size_hw: Sequence[int], strides: Iterable[int]) -> int:
    """Cells of all levels together."""
    return sum(rows * columns for rows, columns in grid_sizes(size_hw, strides))


def strides_of(
    cells: int, size_hw: Sequence[int], known: Iterable[Tuple[int, ...]] = STRIDES
) -> Optional[Tuple[int, ...]]:
    """The known strides that give so many cells; None when none does."""
    return next((each for each in known if cell_count(size_hw, each) == cells), None)


def cells_of(
    size_hw: Sequence[int], strides: Sequence[int], offset: float = 0.5, repeat: int = 1
) -> "Tuple[NDArray[np.float32], NDArray[np.float32]]":
    """Points [cells,2] x, y in input pixels, and the stride [cells] of each.

    ``offset``: where in its cell a point lies, 0 its corner, 0.5 its centre. ``repeat``: how often
    each level comes, once for each of its anchors.
    """
    points, sides = [], []
    for stride, (rows, columns) in zip(strides, grid_sizes(size_hw, strides)):
        y, x = np.mgrid[:rows, :columns]
        level = (np.stack([x.ravel(), y.ravel()], axis=1) + offset) * stride
        points += [level] * repeat
        sides.append(np.full(len(level) * repeat, stride))
    return (
        np.concatenate(points).astype(np.float32),
        np.concatenate(sides).astype(np.float32),
    )
