"""Means, deviations, and the words about a difference."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedet.experiments.spread import (
    INSIDE,
    UNKNOWN,
    Spread,
    difference,
    epochs_to_converge,
    pooled_deviation,
)

numbers = st.floats(0, 100)
several = st.lists(numbers, min_size=2, max_size=8)


@given(several)
def test_as_the_statistics_module(values: list[float]) -> None:
    spread = Spread(tuple(values))
    assert spread.mean == pytest.approx(statistics.mean(values))
    assert spread.deviation == pytest.approx(statistics.stdev(values), abs=1e-9)


@given(several, several)
def test_pooled_lies_between_the_two(one: list[float], other: list[float]) -> None:
    spreads = Spread(tuple(one)), Spread(tuple(other))
    low, high = sorted(spread.deviation for spread in spreads)
    assert low - 1e-9 <= pooled_deviation(spreads) <= high + 1e-9


def test_pooled_by_hand() -> None:
    """Variances 1 (n = 3) and 8 (n = 2): (2 * 1 + 1 * 8) / 3."""
    spreads = Spread((1.0, 2.0, 3.0)), Spread((0.0, 4.0))
    assert pooled_deviation(spreads) == pytest.approx(math.sqrt(10 / 3))


@pytest.mark.parametrize(
    ("ours", "reference", "verdict"),
    [
        ((10.0, 12.0), (11.0, 13.0), "inside one deviation"),  # 1 <= 1.41
        ((10.0, 12.0), (12.0, 14.0), "worse"),
        ((12.0, 14.0), (10.0, 12.0), "better"),
        ((5.0,), (3.0,), "one seed: no deviation"),
        ((5.0,), (3.0, 3.5), "better"),
    ],
)
def test_words(ours: tuple[float, ...], reference: tuple[float, ...], verdict: str) -> None:
    found = difference(Spread(ours), Spread(reference))
    assert found is not None
    assert found.verdict == verdict


@given(several, several)
def test_a_difference_turns_round_with_its_sides(one: list[float], other: list[float]) -> None:
    there = difference(Spread(tuple(one)), Spread(tuple(other)))
    back = difference(Spread(tuple(other)), Spread(tuple(one)))
    assert there is not None
    assert back is not None
    assert there.value == pytest.approx(-back.value)
    opposite = {"better": "worse", "worse": "better", INSIDE: INSIDE, UNKNOWN: UNKNOWN}
    assert back.verdict == opposite[there.verdict]


def test_without_seeds_there_is_no_difference() -> None:
    assert difference(Spread(()), Spread((1.0,))) is None
    assert math.isnan(Spread(()).mean)


@pytest.mark.parametrize(
    ("values", "epoch"),
    [
        ((10, 50, 89, 90, 100), 20),
        ((95, 50, 60, 80, 100), 5),  # the first time counts
        ((7,), 5),
        ((1, 2, 0), math.nan),
        ((), math.nan),
    ],
)
def test_epochs_to_converge(values: tuple[float, ...], epoch: float) -> None:
    epochs = [5 * (i + 1) for i in range(len(values))]
    assert epochs_to_converge(epochs, values) == pytest.approx(epoch, nan_ok=True)
