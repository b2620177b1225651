"""Where a PyTorch detector is quantised, by the paths of its modules, with which ranges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgedet.runtime.errors import ModelError

KEY = "int8"
"""Of a checkpoint that was trained with fake quantisation: `Int8Plan.to_plain`."""


@dataclass(frozen=True)
class Int8Plan:
    """What fake quantisation needs; amax: the largest |x| that is kept, above 0."""

    norms: dict[str, str]
    """Convolutions with int8 weights -> the batch normalisation behind each, "" for none."""
    inputs: dict[str, float]
    """Modules whose input is int8 -> its amax."""
    outputs: dict[str, float]
    """Modules whose result is int8 for all that read it -> its amax."""

    def to_plain(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        return asdict(self)


def plan_of(state: Mapping[str, Any], path: Path) -> Int8Plan | None:
    """Return the plan of a checkpoint, or None of one that was trained without.

    Raises ModelError naming `path` when what is there is no plan.
    """
    if state.get(KEY) is None:
        return None
    try:
        plan = Int8Plan(**state[KEY])
        valid = all(
            0 < amax < float("inf") for amax in (*plan.inputs.values(), *plan.outputs.values())
        )
    except (TypeError, AttributeError):
        valid = False
    if not valid:
        fix = "give a .pt file that `edgedet train --qat` wrote"
        raise ModelError(f"ranges of INT8 in {path}", "other contents", fix)
    return plan
