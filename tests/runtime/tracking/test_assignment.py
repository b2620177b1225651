import numpy as np
import pytest
from reference_tracker import best_pairs

from edgedet.runtime.tracking.assignment import assign


def _pairs(gains):
    rows, columns = np.nonzero(gains > 0)
    chosen = assign((rows, columns), gains[rows, columns])
    return rows[chosen], columns[chosen]


def _scene(seed, rows, columns, density):
    random = np.random.RandomState(seed)
    gains = random.uniform(size=(rows, columns))
    return gains * (random.uniform(size=gains.shape) < density)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("density", [0.1, 0.4, 1.0])
def test_the_sum_is_the_greatest_of_all_assignments(seed, density):
    random = np.random.RandomState(seed)
    gains = _scene(seed, random.randint(1, 7), random.randint(1, 8), density)
    rows, columns = _pairs(gains)
    best = sum(gains[row, column] for row, column in best_pairs(gains.tolist()))
    assert gains[rows, columns].sum() == pytest.approx(best)
    assert len(set(rows)) == len(rows)
    assert len(set(columns)) == len(columns)


@pytest.mark.parametrize("shape", [(40, 40), (25, 60), (60, 25), (120, 120)])
@pytest.mark.parametrize("density", [0.03, 0.3, 1.0])
def test_scipy_finds_the_same_sum(shape, density):
    optimize = pytest.importorskip("scipy.optimize")
    gains = _scene(sum(shape), shape[0], shape[1], density)
    rows, columns = _pairs(gains)
    best = optimize.linear_sum_assignment(gains, maximize=True)
    assert gains[rows, columns].sum() == pytest.approx(gains[best].sum())
    assert len(set(rows)) == len(rows)
    assert len(set(columns)) == len(columns)


def test_equal_gains_are_all_used():
    rows, columns = _pairs(np.ones((9, 9)))
    assert sorted(rows) == sorted(columns) == list(range(9))


def test_a_chain_of_exchanges_is_found():
    """Each row wants the column of the next one: only the last has another choice."""
    gains = np.eye(50) * 0.5 + np.eye(50, k=1) * 0.6
    gains[49, 0] = 0.01
    rows, columns = _pairs(gains)
    order = np.argsort(rows)
    assert gains[rows, columns].sum() == pytest.approx(49 * 0.6 + 0.01)
    assert columns[order].tolist() == list(range(1, 50)) + [0]


def test_nothing_is_paired_with_nothing():
    assert assign((np.zeros(0, np.intp), np.zeros(0, np.intp)), np.zeros(0)).tolist() == []
