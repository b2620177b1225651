"""Histograms that grow are those of all values at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedet.calibration.statistics import BINS, BLOCK, Statistics
from edgedet.runtime.errors import ModelError

floats = st.floats(-1e6, 1e6, width=32) | st.sampled_from([0.0, -0.0, 1.0, 2.0, 2.0**-20])
parts = st.lists(st.lists(floats, max_size=20), min_size=1, max_size=6)


def statistics_of(images: list[np.ndarray]) -> Statistics:
    statistics = Statistics.empty(["t"])
    for image in images:
        statistics.add(0, image)
    return statistics


@given(parts, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_they_are_those_of_all_values_in_any_order(lists: list[list[float]], random) -> None:
    images = [np.array(values, np.float32) for values in lists]
    found = statistics_of(images)
    values = np.concatenate(images).astype(np.float64)
    if not values.size:
        return
    assert (found.low[0], found.high[0]) == (values.min(), values.max())
    assert found.amax[0] == np.abs(values).max()
    assert found.zeros[0] == (values == 0).sum()
    end = 2.0 ** found.exponent[0]
    assert np.abs(values).max() < end
    filled = np.abs(values[values != 0])
    assert found.counts[0].tolist() == np.histogram(filled, BINS, (0, end))[0].tolist()
    random.shuffle(images)
    again = statistics_of(images)
    assert again.exponent[0] == found.exponent[0]
    assert (again.counts == found.counts).all()


def test_a_tensor_larger_than_a_block_is_counted_whole() -> None:
    values = np.random.default_rng(0).normal(size=(3, BLOCK + 17)).astype(np.float32)
    values[:, ::5] = 0
    found = statistics_of([values, values[:, :BLOCK]])
    every = np.abs(np.concatenate([values.ravel(), values[:, :BLOCK].ravel()]))
    assert found.zeros[0] == (every == 0).sum()
    expected = np.histogram(every[every > 0], BINS, (0, 2.0 ** found.exponent[0]))[0]
    assert found.counts[0].tolist() == expected.tolist()


def test_a_histogram_ends_within_twice_the_largest_value() -> None:
    for value in (1e-20, 0.3, 1.0, 255.0, 3e38):
        found = statistics_of([np.array([value], np.float32)])
        assert value < 2.0 ** float(found.exponent[0]) <= 2 * float(found.amax[0])


def test_values_at_both_ends_of_fp32_are_counted_together() -> None:
    found = statistics_of([np.array([1e-45, 1e-38], np.float32), np.array([-3e38], np.float32)])
    assert found.counts[0].sum() == 3
    assert found.counts[0, 0] == 2


def test_no_values_change_nothing() -> None:
    found = statistics_of([np.zeros((0, 4), np.float32)])
    assert found.amax[0] == 0
    assert found.counts.sum() == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named(value: float) -> None:
    with pytest.raises(ModelError, match=f"found {value} in the tensor t"):
        statistics_of([np.array([1, value], np.float32)])
