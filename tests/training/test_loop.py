"""Selection, early stopping and the files of a run."""

import json
import math
from pathlib import Path

import pytest
from training_toys import StopAfter, qualities, run, toy_identity, toy_parts, toy_plan

from edgedet.runtime.spec import spec_from_json
from edgedet.training.checkpoint import load_checkpoint
from edgedet.training.interruption import Interrupted
from edgedet.training.loop import Quality
from edgedet.training.outputs import Outputs
from edgedet.training.parts import Place
from edgedet.training.snapshot import restore


def outputs(folder: Path) -> Outputs:
    return Outputs(folder, toy_identity(), Place())


def test_best_is_the_highest_and_the_last_is_the_last(tmp_path: Path) -> None:
    validate = qualities(0.1, 0.3, 0.2, 0.3)
    run(toy_parts(), toy_plan(4), validate=validate, outputs=outputs(tmp_path))
    assert load_checkpoint(tmp_path / "best.pt")["epoch"] == 2
    assert load_checkpoint(tmp_path / "model.pt")["epoch"] == 4
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["best"] == {"by": "ap", "epoch": 2, "value": 0.3}
    assert metrics["last"]["ap50"] == 0.6
    assert list(tmp_path.glob("events.out.tfevents.*"))


def test_selection_by_ap50(tmp_path: Path) -> None:
    plan = toy_plan(2, select="ap50")
    run(toy_parts(), plan, validate=qualities(0.2, 0.1), outputs=outputs(tmp_path))
    assert load_checkpoint(tmp_path / "best.pt")["best"]["value"] == 0.4


def test_early_stopping_counts_evaluations(tmp_path: Path) -> None:
    plan = toy_plan(20, eval_every=2, patience=2)
    place = run(
        toy_parts(), plan, validate=qualities(0.1, 0.2, 0.2, 0.1), outputs=outputs(tmp_path)
    )
    assert (place.epoch, place.best.epoch) == (8, 4)
    rows = (tmp_path / "results.csv").read_text().splitlines()
    assert len(rows) == 9
    assert rows[1].endswith(",,,")  # no evaluation after epoch 1
    assert rows[2].endswith(",0.1,0.2,nan")


def test_the_last_epoch_is_evaluated() -> None:
    place = run(toy_parts(), toy_plan(3, eval_every=2), validate=qualities(0.1, 0.2))
    assert place.best.epoch == 0  # no outputs: this process evaluates nothing
    assert place.epoch == 3


def test_nan_as_quality_makes_valid_json_and_a_best_checkpoint(tmp_path: Path) -> None:
    run(toy_parts(), toy_plan(1), validate=qualities(math.nan), outputs=outputs(tmp_path))
    assert (tmp_path / "best.pt").exists()
    text = (tmp_path / "metrics.json").read_text()
    assert json.loads(text)["best"]["value"] is None
    assert "NaN" not in text


def test_counts_of_the_sampler_are_logged(tmp_path: Path) -> None:
    run(toy_parts(), toy_plan(1), outputs=outputs(tmp_path))
    header, row = (tmp_path / "results.csv").read_text().splitlines()
    values = dict(zip(header.split(","), map(float, row.split(",")), strict=True))
    assert (values["n_pos"], values["n_neg"]) == (1.0, 0.0)
    assert values["loss"] == pytest.approx(values["loss_box"] + values["loss_class"], rel=1e-5)


def test_stopping_saves_the_place(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(toy_parts(), toy_plan(3, 2), outputs=outputs(tmp_path), stop=StopAfter(2))
    state = load_checkpoint(tmp_path / "model.pt")
    assert (state["epoch"], state["batches_done"], state["step"]) == (0, 4, 2)


def test_the_cut_of_the_best_evaluation_goes_into_the_spec(tmp_path: Path) -> None:
    told = iter([Quality(0.3, 0.5, 0.678), Quality(0.2, 0.4, 0.9)])
    run(toy_parts(), toy_plan(2), validate=lambda _: next(told), outputs=outputs(tmp_path))
    for name in ("best.pt", "model.pt"):
        assert spec_from_json(load_checkpoint(tmp_path / name)["spec"]).score_threshold == 0.67
    parts = toy_parts()
    restore(parts, load_checkpoint(tmp_path / "model.pt"), tmp_path / "model.pt")
    assert parts.module.spec.score_threshold == 0.67
