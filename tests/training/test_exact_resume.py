"""A run that was stopped and resumed ends in the same bits as one that was not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from training_toys import (
    StopAfter,
    Toy,
    assert_same,
    run,
    toy_identity,
    toy_parts,
    toy_plan,
)

from edgedet.training.checkpoint import load_checkpoint
from edgedet.training.interruption import Interrupted
from edgedet.training.loop import Quality
from edgedet.training.outputs import Outputs
from edgedet.training.parts import Place
from edgedet.training.snapshot import restore, snapshot


def judged_by_weights(module: torch.nn.Module) -> Quality:
    """A quality that shows any difference in the evaluated weights."""
    assert isinstance(module, Toy)
    value = float(module.head.weight.detach().double().sum())
    return Quality(value, value / 2)


def results(folder: Path) -> list[list[str]]:
    """Rows of results.csv but for the speed."""
    rows = [line.split(",") for line in (folder / "results.csv").read_text().splitlines()]
    speed = rows[0].index("images_per_s")
    return [row[:speed] + row[speed + 1 :] for row in rows]


def whole(folder: Path, plan: Any, **parts: Any) -> dict[str, Any]:
    made = toy_parts(**parts)
    place = Place()
    run(made, plan, place, validate=judged_by_weights, outputs=outputs(folder, place))
    return snapshot(made, place)


def outputs(folder: Path, place: Place) -> Outputs:
    return Outputs(folder, toy_identity(), place)


def stopped_and_resumed(folder: Path, plan: Any, stops: list[int], **parts: Any) -> dict[str, Any]:
    """Stop after so many steps, each time in a new process' worth of objects."""
    state: dict[str, Any] | None = None
    for stop in [*stops, 10**6]:
        torch.manual_seed(123)  # a resumed process has drawn other numbers before
        made = toy_parts(**parts)
        place = restore(made, state, folder) if state else Place()
        how = {"validate": judged_by_weights, "outputs": outputs(folder, place)}
        if stop == 10**6:
            run(made, plan, place, **how)
            return snapshot(made, place)
        with pytest.raises(Interrupted):
            run(made, plan, place, stop=StopAfter(stop), **how)
        state = load_checkpoint(folder / "model.pt")
    raise AssertionError


@pytest.mark.parametrize(
    ("stops", "accumulate", "parts"),
    [
        ([6], 1, {}),  # the last step of an epoch, before its evaluation
        ([7], 1, {}),  # the first step of an epoch
        ([2], 1, {}),
        ([2, 1, 8], 1, {}),
        ([1, 2], 4, {}),  # groups of 4 and 2 batches
        ([4], 1, {"ema": False, "optimizer": "sgd"}),
        ([4], 2, {"optimizer": "adam"}),
    ],
)
def test_stopped_within_an_epoch(
    tmp_path: Path, stops: list[int], accumulate: int, parts: dict[str, Any]
) -> None:
    plan = toy_plan(epochs=3, accumulate=accumulate, eval_every=2)
    unbroken = whole(tmp_path / "whole", plan, **parts)
    broken = stopped_and_resumed(tmp_path / "broken", plan, stops, **parts)
    assert_same(unbroken, broken)
    assert results(tmp_path / "whole") == results(tmp_path / "broken")
    for name in ("model.pt", "best.pt"):
        files = [load_checkpoint(tmp_path / run / name) for run in ("whole", "broken")]
        assert_same(*files)


class PowerCutError(Exception):
    """What an evaluation raises in place of a power cut."""


@pytest.mark.parametrize("killed_in", [1, 2, 3])
def test_killed_in_an_evaluation(tmp_path: Path, killed_in: int) -> None:
    plan = toy_plan(epochs=3)
    unbroken = whole(tmp_path / "whole", plan)
    parts, calls = toy_parts(), []

    def killing(module: torch.nn.Module) -> Quality:
        calls.append(1)
        if len(calls) == killed_in:
            raise PowerCutError
        return judged_by_weights(module)

    place = Place()
    with pytest.raises(PowerCutError):
        run(parts, plan, place, validate=killing, outputs=outputs(tmp_path / "broken", place))
    state = load_checkpoint(tmp_path / "broken" / "model.pt")
    assert (state["epoch"], state["batches_done"]) == (killed_in - 1, 6)
    again = toy_parts()
    place = restore(again, state, tmp_path)
    how = {"validate": judged_by_weights, "outputs": outputs(tmp_path / "broken", place)}
    run(again, plan, place, **how)
    assert_same(unbroken, snapshot(again, place))
    assert results(tmp_path / "whole") == results(tmp_path / "broken")


def test_epochs_then_the_rest_equals_all(tmp_path: Path) -> None:
    """k + resume(n - k) epochs, from the checkpoint at the end of epoch k, for each k."""
    plan = toy_plan(epochs=4)
    parts, place = toy_parts(), Place()
    states = []

    class Keeping(Outputs):
        def save(self, state: Any, name: str = "model.pt") -> Path:
            path = super().save(state, name)
            if name == "model.pt" and state["batches_done"] == 0:
                states.append(load_checkpoint(path))
            return path

    run(parts, plan, place, outputs=Keeping(tmp_path, toy_identity(), place))
    unbroken = snapshot(parts, place)
    assert [state["epoch"] for state in states] == [1, 2, 3, 4]
    for state in states[:3]:
        again = toy_parts()
        place = restore(again, state, tmp_path)
        run(again, plan, place, outputs=outputs(tmp_path, place))
        assert_same(unbroken, snapshot(again, place))


def test_runs_that_differ_are_told_apart(tmp_path: Path) -> None:
    """The comparison itself fails when a step is missing."""
    plan = toy_plan(epochs=2)
    unbroken = whole(tmp_path / "a", plan)
    other = whole(tmp_path / "b", toy_plan(epochs=2, lr=0.0100001))
    with pytest.raises(AssertionError):
        assert_same(unbroken["model"], other["model"])
