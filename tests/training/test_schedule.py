"""The schedule against a slow one that walks through every step."""

import math

import pytest

from edgedet.training.schedule import Schedule, lr_factor


def slow_factors(schedule: Schedule) -> list[float]:
    """Rise in equal parts, then go on from the peak, one step after the other."""
    factors = [(i + 1) / schedule.warmup_steps for i in range(schedule.warmup_steps)]
    after = schedule.steps - schedule.warmup_steps
    level = 1.0
    waiting = list(schedule.milestones)
    for i in range(after):
        while waiting and schedule.warmup_steps + i >= waiting[0] * schedule.steps:
            waiting.pop(0)
            level *= schedule.step_factor
        if schedule.kind == "cosine":
            half_wave = (math.cos(math.pi * i / after) + 1) / 2
            factors.append(schedule.final_factor + (1 - schedule.final_factor) * half_wave)
        else:
            factors.append(level if schedule.kind == "step" else 1.0)
    return factors


@pytest.mark.parametrize("warmup_steps", [0, 1, 7])
@pytest.mark.parametrize("kind", ["cosine", "step", "constant"])
def test_equals_the_slow_reference(kind: str, warmup_steps: int) -> None:
    schedule = Schedule(kind, 40, warmup_steps, (0.5, 0.9), 0.1, 0.02)
    factors = [lr_factor(schedule, step) for step in range(40)]
    assert factors == pytest.approx(slow_factors(schedule), rel=1e-12)


def test_warm_up_ends_at_the_peak_and_cosine_near_the_floor() -> None:
    schedule = Schedule("cosine", 1000, 10, final_factor=0.01)
    assert lr_factor(schedule, 0) == 0.1
    assert lr_factor(schedule, 9) == lr_factor(schedule, 10) == 1.0
    assert lr_factor(schedule, 999) == pytest.approx(0.01, abs=1e-4)
    assert lr_factor(schedule, 5000) == 0.01


def test_warm_up_longer_than_the_training() -> None:
    schedule = Schedule("cosine", 5, 20)
    assert [lr_factor(schedule, s) for s in range(5)] == [0.05, 0.1, 0.15, 0.2, 0.25]
