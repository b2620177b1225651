"""What INT8 may lose, in total and of the smallest objects."""

from __future__ import annotations

import pytest

from edgedet.evaluation.buckets import COCO_BUCKETS
from edgedet.int8.accuracy import Accuracy, Chance
from edgedet.int8.gate import LEAST_OBJECTS, gate_for
from edgedet.runtime.errors import DataError

NAN = float("nan")
MANY = {"small": LEAST_OBJECTS, "medium": 500, "large": 0}


def accuracy(ap: float, small: float = 0.2, medium: float = 0.5) -> Accuracy:
    return Accuracy(ap, {"pear": ap}, {"small": small, "medium": medium, "large": NAN})


def gate(objects: dict[str, int] = MANY):
    return gate_for(accuracy(0.4), (1.0, 2.0), COCO_BUCKETS, objects)


@pytest.mark.parametrize(
    ("found", "excess"),
    [
        (accuracy(0.4), -1.0),
        (accuracy(0.391), -0.1),
        (accuracy(0.389), 0.1),
        (accuracy(0.4, small=0.175), 0.5),
        (accuracy(0.37, small=0.175), 2.0),
        (accuracy(0.45, small=0.25, medium=0.0), -6.0),
    ],
)
def test_the_worse_of_both_bounds_counts(found: Accuracy, excess: float) -> None:
    assert gate().excess(found) == pytest.approx(excess)
    assert gate().passes(found) == (excess <= 0)


def test_a_size_of_few_objects_has_no_bound() -> None:
    few = {**MANY, "small": LEAST_OBJECTS - 1}
    assert gate(few).smallest == "medium"
    assert gate(few).passes(accuracy(0.4, small=0.0))
    none = gate(dict.fromkeys(MANY, 1))
    assert none.smallest is None
    assert none.drops(accuracy(0.39))[1] is None
    assert none.told(accuracy(0.39)) == "1.00 points of AP lost (at most 1)"


def test_what_is_lost_is_told() -> None:
    assert gate().told(accuracy(0.35, small=0.1)) == (
        "5.00 points of AP lost (at most 1) and 10.00 of small objects (at most 2)"
    )


@pytest.mark.parametrize("ap", [0.0, NAN])
def test_a_model_that_finds_nothing_has_nothing_to_lose(ap: float) -> None:
    with pytest.raises(DataError, match="of which the FP32 model finds something"):
        gate_for(accuracy(ap), (1, 1), COCO_BUCKETS, MANY)


def test_a_bound_that_chance_may_move_is_told() -> None:
    close = accuracy(0.395, small=0.19)
    told = gate().luck(close, Chance(0.6, {"small": 1.5, "medium": 0.1}))
    total, small = (
        "that of 1 in total (0.50 ± 0.60)",
        "that of 2 for 20 small objects (1.00 ± 1.50)",
    )
    assert told == f"{total} and {small}"
    assert gate().luck(close, Chance(0.6, {"small": 0.1})) == total


def test_what_is_far_from_its_bound_needs_no_word() -> None:
    chance = Chance(0.6, {"small": 1.5, "medium": 9.0})
    assert gate().luck(accuracy(0.42, small=0.22), chance) is None
    assert gate().luck(accuracy(0.1, small=0.01), chance) is None
    none = gate(dict.fromkeys(MANY, 1))
    assert none.luck(accuracy(0.42, small=0.18), chance) is None
