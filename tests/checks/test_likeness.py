"""Hashes, distances, thumbnails and groups against slow and plain versions of themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgedet.checks import likeness
from edgedet.checks.groups import linked_groups
from edgedet.checks.likeness import correlations, difference_hash, near_pairs, thumbnail


def slow_cells(grey: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Mean grey of each cell, for sides that the cells divide."""
    height, width = grey.shape[0] // rows, grey.shape[1] // columns
    return np.array(
        [
            [
                grey[y * height : (y + 1) * height, x * width : (x + 1) * width].mean()
                for x in range(columns)
            ]
            for y in range(rows)
        ]
    )


def test_the_hash_says_where_it_gets_brighter() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        grey = rng.integers(0, 256, (8 * 5, 9 * 4), np.uint8)
        cells = slow_cells(grey, 8, 9)
        expected = [bool(cells[y, x] < cells[y, x + 1]) for y in range(8) for x in range(8)]
        # Means that differ by less than a rounding may go either way.
        clear = np.abs(np.diff(cells, axis=1)).ravel() > 1
        bits = np.unpackbits(difference_hash(grey)).astype(bool)
        assert (bits == expected)[clear].all()
        assert clear.sum() > 40


def test_a_thumbnail_is_the_mean_of_its_cells() -> None:
    grey = np.random.default_rng(1).integers(0, 256, (16 * 3, 16 * 5), np.uint8)
    np.testing.assert_allclose(thumbnail(grey), slow_cells(grey, 16, 16), atol=1)


def slow_pairs(hashes: np.ndarray, max_bits: int) -> list[list[int]]:
    numbers = [int.from_bytes(row.tobytes(), "big") for row in hashes]
    return [
        [first, second]
        for first in range(len(numbers))
        for second in range(first + 1, len(numbers))
        if bin(numbers[first] ^ numbers[second]).count("1") <= max_bits
    ]


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.just(8)), elements=st.integers(0, 15)),
    st.integers(0, 64),
)
def test_pairs_are_those_of_a_slow_loop(hashes: np.ndarray, max_bits: int) -> None:
    pairs = np.concatenate(list(near_pairs(hashes, max_bits)))
    assert sorted(pairs.tolist()) == slow_pairs(hashes, max_bits)


@pytest.mark.parametrize("block", [1, 7, 40, 100])
def test_pairs_do_not_depend_on_the_block(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = np.random.default_rng(2).integers(0, 256, (40, 8), np.uint8)
    monkeypatch.setattr(likeness, "BLOCK", block)
    pairs = np.concatenate(list(near_pairs(hashes, 26)))
    assert sorted(pairs.tolist()) == slow_pairs(hashes, 26)
    assert len(pairs) > 10


def test_correlation_is_pearsons() -> None:
    rng = np.random.default_rng(3)
    thumbnails = rng.integers(0, 256, (6, 16, 16), np.uint8)
    pairs = np.array([[0, 1], [2, 3], [4, 4], [5, 0]])
    expected = np.corrcoef(thumbnails.reshape(6, -1))[pairs[:, 0], pairs[:, 1]]
    np.testing.assert_allclose(correlations(thumbnails, pairs), expected, atol=1e-12)


def test_flat_thumbnails_correlate_with_nothing() -> None:
    thumbnails = np.stack([np.full((16, 16), 9, np.uint8), np.full((16, 16), 9, np.uint8)])
    assert correlations(thumbnails, np.array([[0, 1]])).tolist() == [0]


def slow_groups(pairs: list[tuple[int, int]]) -> list[list[int]]:
    """Spread from each member until nothing is added."""
    groups = set()
    for start in {member for pair in pairs for member in pair}:
        reached = {start}
        while True:
            more = {m for pair in pairs if reached & set(pair) for m in pair} | reached
            if more == reached:
                break
            reached = more
        groups.add(tuple(sorted(reached)))
    return sorted(map(list, groups), key=lambda group: (-len(group), group))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=15))
def test_groups_are_those_of_a_slow_spread(pairs: list[tuple[int, int]]) -> None:
    assert linked_groups(pairs) == slow_groups(pairs)
