import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedet.scales.anchor_sets import geometric, k_means, k_means_sets, paper_rule, rounded

VALUES = st.lists(st.floats(-5, 5, allow_subnormal=False), min_size=1, max_size=40)


def slow_k_means(values, k):
    """Lloyd's algorithm, one value after the other."""
    ordered = sorted(values)
    # The quantile q is the first value with a share of at least q up to it.
    places = [math.ceil((i + 0.5) / k * len(ordered) - 1e-9) - 1 for i in range(k)]
    centres = sorted({ordered[place] for place in places})
    for _ in range(100):
        groups = [[] for _ in centres]
        for value in values:
            edges = [(a + b) / 2 for a, b in zip(centres, centres[1:], strict=False)]
            groups[sum(value >= edge for edge in edges)].append(value)
        moved = [sum(g) / len(g) if g else c for g, c in zip(groups, centres, strict=True)]
        if np.allclose(moved, centres, rtol=0, atol=1e-9):
            break
        centres = moved
    return centres


@settings(max_examples=100, deadline=None)
@given(VALUES, st.integers(1, 6))
def test_k_means_is_lloyds_algorithm(values, k):
    assert k_means(np.array(values), k) == pytest.approx(slow_k_means(values, k), abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(VALUES, st.integers(1, 6), st.randoms(use_true_random=False))
def test_the_order_of_the_values_is_nothing_to_k_means(values, k, random):
    shuffled = random.sample(values, len(values))
    assert (k_means(np.array(values), k) == k_means(np.array(shuffled), k)).all()


def test_two_clear_groups_are_found():
    assert k_means(np.array([1.0, 1.1, 0.9, 5, 5.2, 4.8]), 2) == pytest.approx([1, 5])


def test_sets_of_as_many_sizes_as_there_are():
    sets = k_means_sets(np.array([20.0, 20, 40, 40]))
    assert [s.sides for s in sets] == [(28.3,), (20.0, 40.0)]


def test_the_papers_rule():
    """Four sizes by a constant factor from where the objects begin."""
    sides = np.append(np.linspace(23, 63, 1001)[:-1], 120)
    small, large = paper_rule(sides)
    assert small.sides == pytest.approx((25, 37.5, 56.2, 84.4), abs=0.06)
    assert large.sides == pytest.approx((25, 42.5, 72.2, 122.8), abs=0.06)


@pytest.mark.parametrize(("largest", "counts"), [(30, (1, 1)), (40, (2, 2)), (60, (3, 2))])
def test_the_rule_ends_with_the_objects(largest, counts):
    """30, 45, 67.5 and 30, 51, 86.7: those that are the nearest to some object, in log space."""
    sets = paper_rule(np.array([30.0] * 50 + [largest]))
    assert tuple(len(s.sides) for s in sets) == counts


def test_the_papers_own_set_follows_its_rule():
    """25, 38, 58, 87: a mean step of 1.52."""
    assert geometric(25, 1.52, 4) == pytest.approx((25, 38, 58, 87), abs=1)


def test_rounded_sizes_rise_and_differ():
    assert rounded([30.04, 10.0, 30.01, 0.2]) == (1.0, 10.0, 30.0)
