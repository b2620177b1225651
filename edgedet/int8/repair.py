"""Which layers go back to float: as few of the worst as the bound takes.

The layers are ranked once; how many of them are float is searched: 0, 1, 2, 4 ... until the bound
holds, then between the last two counts. So it takes about 2 log2 of their number measurements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

MOST_FLOAT = 0.5
"""Share of the layers. A model with more of them in float is not worth calling INT8: it is slower
than the FP16 or FP32 form and still less exact."""


@dataclass(frozen=True)
class Step:
    """One number of layers in float that was measured."""

    float_layers: int
    excess: float
    """Points above the bounds; at most 0: they hold."""


@dataclass(frozen=True)
class Repair:
    """How the search went."""

    chosen: int | None
    """Layers in float; None when none that was tried holds the bound."""
    steps: tuple[Step, ...]
    """In the order in which they were tried."""
    out_of_time: bool
    """Whether the budget ended the search before its end."""


def search(layers: int, excess_of: Callable[[int], float], time_left: Callable[[], bool]) -> Repair:
    """Return the least number of layers in float that holds the bound, as far as there was time.

    excess_of: measures the model with so many of the worst layers in float. Nothing in float is
    always measured.
    """
    steps: list[Step] = []

    def holds(count: int) -> bool:
        steps.append(Step(count, excess_of(count)))
        return steps[-1].excess <= 0

    failed, passed = -1, None
    for count in _counts(layers):
        if steps and not time_left():
            break
        if holds(count):
            passed = count
            break
        failed = count
    while passed is not None and passed - failed > 1 and time_left():
        middle = (failed + passed) // 2
        if holds(middle):
            passed = middle
        else:
            failed = middle
    return Repair(passed, tuple(steps), _unfinished(layers, failed, passed))


def _counts(layers: int) -> Sequence[int]:
    most = int(layers * MOST_FLOAT)
    powers = [1 << bit for bit in range(most.bit_length()) if 1 << bit < most]
    return sorted({0, *powers, most})


def _unfinished(layers: int, failed: int, passed: int | None) -> bool:
    if passed is None:
        return failed < _counts(layers)[-1]
    return passed - failed > 1
