"""Images are chosen by class and size, the same ones for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedet.calibration.choice import choose_images
from edgedet.runtime.errors import DataError, UsageError

Data = tuple[list[np.ndarray], list[np.ndarray]]


def square(side: float, label: int) -> tuple[list[float], int]:
    return [10, 10, 10 + side, 10 + side], label


def data_of(images: list[list[tuple[list[float], int]]]) -> Data:
    boxes = [np.array([box for box, _ in image], np.float32) for image in images]
    return boxes, [np.array([label for _, label in image]) for image in images]


def strata(image: list[tuple[list[float], int]]) -> set[tuple[int, int]]:
    return {(label, int(np.log2(box[2] - box[0]))) for box, label in image} or {(-1, 0)}


images_of_objects = st.lists(
    st.lists(st.tuples(st.sampled_from([3, 9, 20, 70]), st.integers(0, 3)), max_size=3),
    min_size=1,
    max_size=25,
)


@given(images_of_objects, st.integers(1, 30), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_a_choice_covers_what_it_can(
    objects: list[list[tuple[int, int]]], count: int, seed: int
) -> None:
    images = [[square(*pair) for pair in image] for image in objects]
    chosen = choose_images(*data_of(images), count, seed)
    assert len(chosen) == len(set(chosen)) == min(count, len(images))
    assert chosen == choose_images(*data_of(images), count, seed)
    # One image is enough for a stratum, so as many images as strata cover all of them.
    every = set().union(*map(strata, images))
    if count >= len(every):
        assert set().union(*(strata(images[i]) for i in chosen)) == every


def test_a_rare_class_and_a_rare_size_are_seen() -> None:
    common = [[square(40, 0)] for _ in range(500)]
    images = [*common, [square(40, 1)], [square(3, 0)], []]
    for seed in range(5):
        assert {500, 501, 502} <= set(choose_images(*data_of(images), 4, seed))


def test_seeds_choose_differently_and_nothing_is_chosen_first() -> None:
    images = [[square(40, 0)] for _ in range(500)]
    first, second = (choose_images(*data_of(images), 10, seed) for seed in (0, 1))
    assert first != second
    assert sorted(first) != list(range(10))


def test_classes_share_a_choice_evenly() -> None:
    images = [[square(40, 0)] for _ in range(900)] + [[square(40, 1)] for _ in range(100)]
    chosen = choose_images(*data_of(images), 40)
    assert sum(index >= 900 for index in chosen) == 20


def test_nothing_to_choose_is_said() -> None:
    with pytest.raises(UsageError, match="at least 1 image"):
        choose_images(*data_of([[]]), 0)
    with pytest.raises(DataError, match="images to calibrate on, found none"):
        choose_images([], [], 3)
