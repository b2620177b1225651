"""Contenders that take turns: a machine that drifts slows all of them, and ratios stay."""

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter

from edgedet.runtime.bench import percentiles

Contenders = Mapping[str, Callable[[], object]]
TimesMs = Mapping[str, list[float]]

PROTOCOL = (
    "time.perf_counter around blocking calls; every contender once a round, after one call that "
    "is not timed, each round starting with the next one; warm-up rounds not counted; ratio = "
    "median over rounds of contender / reference of the same round"
)


def interleave(contenders: Contenders, rounds: int, warmup: int) -> dict[str, list[float]]:
    """Return the milliseconds of each contender in each of `rounds` rounds.

    The call before a timed one brings the contender's own weights into the caches and lets the
    threads of the one before it fall asleep: PyTorch's spin on, and cost whoever comes next 15 %.
    """
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(warmup + rounds):
        for name in _order(list(contenders), turn):
            contenders[name]()
            elapsed = _milliseconds(contenders[name])
            if turn >= warmup:
                times[name].append(elapsed)
    return times


def ratio(times: TimesMs, name: str, reference: str) -> float:
    """Return the median over rounds of `name` / `reference`; below 1 is faster."""
    pairs = zip(times[name], times[reference], strict=True)
    return median(ours / theirs for ours, theirs in pairs)


def timing_rows(times: TimesMs, references: Mapping[str, str]) -> list[dict[str, object]]:
    """Return one row a contender: percentiles in ms and `ratio_to` each of `references`.

    references: what the ratio is called -> the contender it is taken to.
    """
    return [
        {
            "name": name,
            **percentiles(times[name]),
            "ratio_to": {
                label: round(ratio(times, name, to), 4) for label, to in references.items()
            },
        }
        for name in times
    ]


def _order(names: list[str], turn: int) -> list[str]:
    start = turn % len(names)
    return names[start:] + names[:start]


def _milliseconds(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return (perf_counter() - start) * 1000.0
