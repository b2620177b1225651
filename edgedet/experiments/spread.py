"""Means and deviations over seeds, and what a difference between two variants is worth."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

INSIDE = "inside one deviation"
BETTER = "better"
WORSE = "worse"
UNKNOWN = "one seed: no deviation"
CONVERGED_SHARE = 0.9


@dataclass(frozen=True)
class Spread:
    """One measure over the seeds of a variant."""

    values: tuple[float, ...]

    @property
    def n(self) -> int:
        """How many seeds have a number."""
        return len(self.values)

    @property
    def mean(self) -> float:
        """nan without a seed."""
        return statistics.fmean(self.values) if self.values else math.nan

    @property
    def deviation(self) -> float:
        """Sample deviation (divided by n - 1); nan with fewer than two seeds."""
        return statistics.stdev(self.values) if self.n > 1 else math.nan


@dataclass(frozen=True)
class Difference:
    """One variant less another."""

    value: float
    pooled_deviation: float
    verdict: str


def difference(ours: Spread, reference: Spread) -> Difference | None:
    """Return `ours` less `reference` in the light of their pooled deviation; None without both.

    pooled = sqrt(sum (n_i - 1) s_i^2 / sum (n_i - 1)): how far single seeds lie from their mean.
    A larger difference is no proof: with n seeds each it is t = sqrt(n / 2) of Student's test,
    which chance alone gives with p = 0.29 for three seeds and 0.15 for five.
    """
    if not ours.n or not reference.n:
        return None
    value = ours.mean - reference.mean
    pooled = pooled_deviation((ours, reference))
    if math.isnan(pooled):
        return Difference(value, pooled, UNKNOWN)
    if abs(value) <= pooled:
        return Difference(value, pooled, INSIDE)
    return Difference(value, pooled, BETTER if value > 0 else WORSE)


def pooled_deviation(spreads: Sequence[Spread]) -> float:
    """Return the common sample deviation; nan when no variant has two seeds."""
    counted = [spread for spread in spreads if spread.n > 1]
    freedom = sum(spread.n - 1 for spread in counted)
    if not freedom:
        return math.nan
    return math.sqrt(sum((s.n - 1) * s.deviation**2 for s in counted) / freedom)


def epochs_to_converge(epochs: Sequence[float], values: Sequence[float]) -> float:
    """Return the first evaluated epoch with 90 % of the last value; nan without a last value."""
    if not values or not values[-1] > 0:
        return math.nan
    goal = CONVERGED_SHARE * values[-1]
    return next(epoch for epoch, value in zip(epochs, values, strict=True) if value >= goal)
