"""Which pairs of two sets belong together, so that the sum of their gains is the greatest."""

from typing import TYPE_CHECKING, Tuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pairs = Tuple[NDArray[np.intp], NDArray[np.intp]]


def assign(pairs: "Pairs", gains: "NDArray[np.float64]") -> "NDArray[np.intp]":
    """Indices of the pairs to choose, out of the possible ones: rows [k] and columns [k], none
    twice, with their gains [k], above 0.

    Each row and each column is in one chosen pair at most, and no other choice has a greater sum.
    """
    rows, columns = pairs
    if len(rows) == 0:
        return np.zeros(0, np.intp)
    # Most pairs have no rival; what is left is small even where there are many objects.
    alone = (np.bincount(rows)[rows] == 1) & (np.bincount(columns)[columns] == 1)
    rivals = np.flatnonzero(~alone)
    chosen = rivals[_contested((rows[rivals], columns[rivals]), gains[rivals])]
    return np.concatenate([np.flatnonzero(alone), chosen])


def _contested(pairs: "Pairs", gains: "NDArray[np.float64]") -> "NDArray[np.intp]":
    """The same by a matrix of them all; 0 in it is no pair."""
    if len(gains) == 0:
        return np.zeros(0, np.intp)
    row_names, rows = np.unique(pairs[0], return_inverse=True)
    column_names, columns = np.unique(pairs[1], return_inverse=True)
    if len(row_names) > len(column_names):
        rows, columns = columns, rows
        row_names, column_names = column_names, row_names
    costs = np.full((len(row_names), len(column_names)), gains.max())
    costs[rows, columns] -= gains
    return np.flatnonzero(_cheapest(costs)[rows] == columns)


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
    for row in np.flatnonzero(column_of < 0).tolist():
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
