"""A build is not taken for the load of others."""

import pytest

from edgedet import calm
from edgedet.calm import load_here, load_in, wait_after_work


@pytest.fixture
def slept(monkeypatch):
    naps = []
    monkeypatch.setattr(calm.time, "sleep", naps.append)
    return naps


def test_it_waits_until_the_load_has_gone(slept):
    loads = iter([1.0, 0.5, 0.1])
    wait_after_work(600, lambda: next(loads))
    assert slept == [calm.POLL_S] * 2


def test_a_cached_engine_is_no_work(slept):
    wait_after_work(0.2, lambda: pytest.fail("not asked"))
    assert slept == []


def test_a_load_that_cannot_be_read_is_no_reason_to_wait(slept):
    wait_after_work(600, lambda: None)
    assert slept == []


def test_it_gives_up(slept, monkeypatch):
    clock = iter(range(0, 1000, 50))
    monkeypatch.setattr(calm.time, "monotonic", lambda: next(clock))
    wait_after_work(600, lambda: 4.0)
    assert len(slept) == 2


@pytest.mark.parametrize(
    ("text", "load"),
    [
        ("1.20 0.80 0.31 2/512 8121\n4\n", 0.3),
        ("Welcome\n", None),
        ("", None),
        ("1 2 3\n0\n", None),
    ],
)
def test_load_of_another_machine(text, load):
    assert load_in(text) == (None if load is None else pytest.approx(load))


def test_load_of_this_machine():
    load = load_here()
    assert load is None or load >= 0
