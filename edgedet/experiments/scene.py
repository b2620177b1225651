"""What a table is made from: recipes, results and data of one study on one data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgedet.experiments.campaign import Entry, Outcome
from edgedet.experiments.trial import Bench


@dataclass(frozen=True)
class Scene:
    """Where the trainings stand when the tables are written."""

    bench: Bench
    entries: Mapping[str, Entry]
    """By name of the variant."""
    outcome: Outcome
    measuring: bool
    """Whether new measurements may be made, or only stored ones shown."""
