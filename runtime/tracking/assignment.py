"""Which pairs of two sets belong together, so that the sum of their gains is the greatest."""

from typing import TYPE_CHECKING, Tuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pairs = Tuple[NDArray[np.intp], NDArray[np.intp]]


def assign(gains: "NDArray[np.floating]") -> "Pairs":
    """Rows [k], ascending, and columns [k] of the pairs, out of gains [n,m].

    Each row and each column is in one pair at most, no pair has a gain of 0 or less, and no other
    choice has a greater sum.
    """
    gains = np.maximum(gains, 0).astype(np.float64)
    pair_of = np.full(gains.shape[0], -1, np.intp)
    rows, columns = np.nonzero(gains)
    rivals = np.bincount(rows, minlength=gains.shape[0])[rows]
    rivals += np.bincount(columns, minlength=gains.shape[1])[columns]
    alone = rivals == 2
    # Most pairs have no rival; the others are a small part of a large matrix.
    pair_of[rows[alone]] = columns[alone]
    rows, columns = np.unique(rows[~alone]), np.unique(columns[~alone])
    if len(rows):
        first, second = _contested(gains[np.ix_(rows, columns)])
        pair_of[rows[first]] = columns[second]
    paired = np.flatnonzero(pair_of >= 0)
    return paired, pair_of[paired]


def _contested(gains: "NDArray[np.float64]") -> "Pairs":
    """The same for gains of 0 and more, where 0 is no pair."""
    if gains.shape[0] > gains.shape[1]:
        second, first = _contested(np.ascontiguousarray(gains.T))
        return first, second
    columns = _cheapest(gains.max() - gains)
    rows = np.arange(len(columns))
    real = gains[rows, columns] > 0
    return rows[real], columns[real]


def _cheapest(costs: "NDArray[np.float64]") -> "NDArray[np.intp]":
    """The column [n] of each row of costs [n,m], n <= m, with the least sum.

    Shortest augmenting paths with prices, after Jonker and Volgenant, "A shortest augmenting path
    algorithm for dense and sparse linear assignment problems", Computing 38, 1987. A step looks at
    all columns at once.
    """
    row_prices, column_prices = costs.min(axis=1), np.zeros(costs.shape[1])
    column_of = np.full(costs.shape[0], -1, np.intp)
    row_of = np.full(costs.shape[1], -1, np.intp)
    # Each row's cheapest column is right already where no other row wants it.
    wanted, first = np.unique(costs.argmin(axis=1), return_index=True)
    row_of[wanted], column_of[first] = first, wanted
    for row in np.flatnonzero(column_of < 0):
        _augment(costs, row, (row_prices, column_prices), (column_of, row_of))
    return column_of


def _augment(
    costs: "NDArray[np.float64]",
    start: int,
    prices: "Tuple[NDArray[np.float64], NDArray[np.float64]]",
    matching: "Pairs",
) -> None:
    """Give row ``start`` a column along the cheapest path of exchanges; changes what it is given.

    Dijkstra's search over columns, as far as the nearest one that is free.
    """
    (row_prices, column_prices), (column_of, row_of) = prices, matching
    distances = np.full(len(row_of), np.inf)
    came_from = np.full(len(row_of), -1, np.intp)
    done = np.zeros(len(row_of), bool)
    row, reached = start, 0.0
    while True:
        onward = reached + costs[row] - row_prices[row] - column_prices
        nearer = (onward < distances) & ~done
        distances[nearer], came_from[nearer] = onward[nearer], row
        open_distances = np.where(done, np.inf, distances)
        reached = open_distances.min()
        nearest = np.flatnonzero(open_distances == reached)
        free = nearest[row_of[nearest] < 0]
        if len(free):
            break
        done[nearest[0]] = True
        row = row_of[nearest[0]]
    passed = np.flatnonzero(done)
    row_prices[start] += reached
    row_prices[row_of[passed]] += reached - distances[passed]
    column_prices[passed] -= reached - distances[passed]
    column = free[0]
    while column >= 0:
        row = came_from[column]
        row_of[column] = row
        column, column_of[row] = column_of[row], column
        if row == start:
            return
