"""Selection and early stopping."""

import math

from edgedet.training.best import Best


def test_first_counts_and_equal_does_not() -> None:
    best = Best()
    assert [best.update(v, e) for e, v in enumerate([0.0, 0.2, 0.2, 0.1, 0.3], start=1)] == [
        True,
        True,
        False,
        False,
        True,
    ]
    assert best == Best(0.3, 5, 0)


def test_a_number_beats_nan_and_nan_beats_nothing() -> None:
    best = Best()
    assert best.update(math.nan, 1)
    assert not best.update(math.nan, 2)
    assert best.update(0.0, 3)
    assert not best.update(math.nan, 4)
    assert best.value == 0.0


def test_patience() -> None:
    best = Best()
    for epoch, value in enumerate([0.5, 0.4, 0.5], start=1):
        best.update(value, epoch)
    assert best.is_stale(2)
    assert not best.is_stale(3)
    assert not best.is_stale(0)


def test_state_round_trip() -> None:
    assert Best(**Best(0.25, 3, 1).state_dict()) == Best(0.25, 3, 1)
