"""The few candidates that a person should see."""

from __future__ import annotations

from collections.abc import Sequence

from edgedet.scales.candidates import Candidate

BEST_LAYOUTS = 6


def shortlist(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return, by falling score: the best of the `BEST_LAYOUTS` best layouts and of each way to
    find anchor sizes, and the published designs.
    """
    fitted = [c for c in candidates if not c.known_as]
    layouts = _first_of(fitted, [str(c.design.layout.taps) for c in fitted])[:BEST_LAYOUTS]
    ways = _first_of(fitted, [c.design.origin.split()[0] for c in fitted])
    chosen = {id(c) for c in (*layouts, *ways)}
    return [c for c in candidates if c.known_as or id(c) in chosen]


def _first_of(candidates: Sequence[Candidate], kinds: Sequence[str]) -> list[Candidate]:
    first: dict[str, Candidate] = {}
    for candidate, kind in zip(candidates, kinds, strict=True):
        first.setdefault(kind, candidate)
    return list(first.values())
