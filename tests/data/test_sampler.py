"""The order of images: a function of (seed, epoch), sliced by rank, resumable."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedet.data.loader import EpochSampler

lengths = st.integers(1, 60)
ORDER = [2, 3, 7, 5, 4, 1, 0, 6]


@given(lengths, st.integers(1, 5), st.integers(0, 9), st.booleans())
def test_ranks_share_one_permutation(length: int, world: int, epoch: int, shuffle: bool) -> None:
    slices = []
    for rank in range(world):
        sampler = EpochSampler(length, seed=3, rank=rank, world=world, shuffle=shuffle)
        sampler.set_position(epoch)
        drawn = list(sampler)
        assert len(drawn) == len(sampler) == sampler.per_rank
        assert {key[0] for key in drawn} == {epoch}
        slices.append([index for _, index in drawn])
    together = np.array(slices).T.ravel()[:length]
    assert sorted(together) == list(range(length))
    if not shuffle:
        assert together.tolist() == list(range(length))


@given(lengths, st.integers(1, 8), st.integers(0, 8))
def test_position_is_the_rest_of_the_epoch(length: int, batch: int, done: int) -> None:
    sampler = EpochSampler(length, seed=1, world=2)
    sampler.set_position(4)
    whole = list(sampler)
    sampler.set_position(4, done, batch)
    assert list(sampler) == whole[done * batch :]
    assert len(sampler) == len(list(sampler))


def test_order_is_fixed_for_all_time() -> None:
    """A resumed run must find the order of the interrupted one, on any numpy."""
    sampler = EpochSampler(8, seed=641)
    sampler.set_position(2)
    assert [index for _, index in sampler] == ORDER
    sampler.set_position(3)
    assert [index for _, index in sampler] != ORDER
    assert list(EpochSampler(8, seed=642)) != list(EpochSampler(8, seed=641))
    assert list(EpochSampler(8, seed=641 + 2**32)) != list(EpochSampler(8, seed=641))


def test_moving_on_does_not_disturb_an_iteration() -> None:
    sampler = EpochSampler(6, seed=0)
    whole = list(sampler)
    running = iter(sampler)
    first = next(running)
    sampler.set_position(9, 1, 2)
    assert [first, *running] == whole


@pytest.mark.parametrize("wrong", [{"length": 0}, {"rank": 2}, {"rank": -1}])
def test_nonsense_is_a_bug(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="rank"):
        EpochSampler(**{"length": 3, "world": 2, **wrong})
