"""The least number of layers in float that holds the bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedet.int8.repair import MOST_FLOAT, search


def forever() -> bool:
    return True


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_least_number_is_found(layers: int, needed: int) -> None:
    repair = search(layers, lambda count: needed - count, forever)
    most = int(layers * MOST_FLOAT)
    assert repair.chosen == (needed if needed <= most else None)
    assert not repair.out_of_time
    tried = [step.float_layers for step in repair.steps]
    assert tried[0] == 0
    assert len(set(tried)) == len(tried) <= 2 * max(1, layers).bit_length() + 2
    assert max(tried) <= most


def test_nothing_is_repaired_that_holds() -> None:
    repair = search(20, lambda count: -0.5, forever)
    assert (repair.chosen, [step.float_layers for step in repair.steps]) == (0, [0])


@pytest.mark.parametrize(("tries", "chosen"), [(1, None), (3, None), (4, 4), (5, 3)])
def test_the_budget_ends_the_search_with_the_best_so_far(tries: int, chosen: int | None) -> None:
    made: list[int] = []

    def excess(count: int) -> float:
        made.append(count)
        return 3 - count

    repair = search(40, excess, lambda: len(made) < tries)
    assert repair.chosen == chosen
    assert len(repair.steps) == tries
    assert repair.out_of_time == (chosen != 3)


def test_without_time_the_model_as_it_is_counts() -> None:
    assert search(40, lambda count: 0, lambda: False).chosen == 0
    assert search(40, lambda count: 1, lambda: False).out_of_time
