"""Times taken in turn."""

from __future__ import annotations

import numpy as np
import pytest

from edgedet.int8.latency import WARM_UP, interleaved_ms, speedups


class Backend:
    def __init__(self, name: str, order: list[str]) -> None:
        self.name = name
        self.order = order

    def infer(self, batch: np.ndarray) -> None:
        assert batch.shape == (1,)

    def run_only(self) -> None:
        self.order.append(self.name)


def test_each_round_starts_with_the_next_and_runs_each_twice() -> None:
    order: list[str] = []
    times = interleaved_ms([Backend(n, order) for n in "ab"], np.zeros(1), rounds=2)
    assert times.shape == (2, 2)
    assert (times >= 0).all()
    assert "".join(order) == "a" * WARM_UP + "b" * WARM_UP + "aabb" + "bbaa"


def test_a_round_in_which_the_machine_was_slow_moves_no_ratio() -> None:
    times = np.array([[10.0, 5.0], [100.0, 50.0], [12.0, 6.0]])
    assert speedups(times) == pytest.approx([1, 2])
