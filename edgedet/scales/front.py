"""Ranking of candidates, and the Pareto front between fit and cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgedet.scales.candidates import Candidate


def ranked(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return them by falling score, with the Pareto front marked."""
    marked = [replace(c, on_front=on_front(c, candidates)) for c in candidates]
    return tuple(sorted(marked, key=lambda c: (-c.score, c.macs, c.anchors)))


def on_front(candidate: Candidate, candidates: Sequence[Candidate]) -> bool:
    """Return whether no other is at least as good in fit and in MACs, and better in one."""
    return not any(
        other.fit >= candidate.fit
        and other.macs <= candidate.macs
        and (other.fit, other.macs) != (candidate.fit, candidate.macs)
        for other in candidates
    )
