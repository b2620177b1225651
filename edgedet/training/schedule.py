"""The learning rate as a pure function of the step, so that a resumed run needs no memory of it."""

import math
from typing import NamedTuple


class Schedule(NamedTuple):
    """How the learning rate runs over `steps` steps of the optimiser."""

    kind: str
    """`cosine`, `step` or `constant`, after the warm-up."""
    steps: int
    """Length of the whole training."""
    warmup_steps: int
    """Length of the linear rise; the peak is reached at its last step."""
    milestones: tuple[float, ...] = ()
    """Of `step`: parts of `steps`, in 0..1."""
    step_factor: float = 0.1
    """Of `step`: what each passed milestone multiplies the rate with."""
    final_factor: float = 0.0
    """Of `cosine`: the rate after the last step, as a part of the peak."""


def lr_factor(schedule: Schedule, step: int) -> float:
    """Return what the peak learning rate is multiplied with at `step`, counted from 0; in 0..1."""
    if step < schedule.warmup_steps:
        return (step + 1) / schedule.warmup_steps
    if schedule.kind == "cosine":
        return _cosine(schedule, step)
    if schedule.kind == "step":
        passed = sum(step >= part * schedule.steps for part in schedule.milestones)
        return schedule.step_factor**passed
    return 1.0


def _cosine(schedule: Schedule, step: int) -> float:
    length = max(schedule.steps - schedule.warmup_steps, 1)
    part = min((step - schedule.warmup_steps) / length, 1.0)
    low = schedule.final_factor
    return low + (1 - low) * 0.5 * (1 + math.cos(math.pi * part))
