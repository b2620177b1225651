"""One run: ended by its budget, killed before it saved, killed before it was judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toy_study import PLAIN, register_toy_study, request
from training_toys import assert_same

from edgedet.experiments import trial
from edgedet.experiments.recipes import read_base, variant_recipe
from edgedet.experiments.store import Store
from edgedet.experiments.trial import Bench, Trial, run_trial
from edgedet.runtime.errors import ModelError, UsageError
from edgedet.training.checkpoint import load_checkpoint, save_checkpoint
from edgedet.training.interruption import Interrupted
from edgedet.training.labelled import open_labelled

FOREVER = float("inf")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    register_toy_study()
    return Bench(Store(tmp_path / "out"), labelled_in(tmp_path), "cpu")


def labelled_in(folder: Path):  # type: ignore[no-untyped-def]
    return open_labelled(str(request(folder).flags["data"]), "xywh")


def wanted(folder: Path, seed: int = 0) -> Trial:
    base = read_base(None, request(folder).flags, "toy")
    return Trial("toy-key", variant_recipe(base, "toy", PLAIN.changes), seed, "plain")  # type: ignore[arg-type]


def test_ended_by_its_budget_it_goes_on_exactly(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run_trial(bench, wanted(tmp_path), until=0.0)
    checkpoint = bench.store.run("toy-key", 0) / "model.pt"
    assert load_checkpoint(checkpoint)["step"] == 1
    assert not bench.store.is_finished("toy-key", 0)
    run_trial(bench, wanted(tmp_path), FOREVER)
    unbroken = Bench(Store(tmp_path / "unbroken"), bench.labelled, "cpu")
    run_trial(unbroken, wanted(tmp_path), FOREVER)
    whole = unbroken.store.run("toy-key", 0) / "model.pt"
    assert_same(load_checkpoint(checkpoint)["ema"], load_checkpoint(whole)["ema"])
    one, other = (store.results("toy-key")[0] for store in (bench.store, unbroken.store))
    assert one["best"] == other["best"]


def test_killed_before_the_first_checkpoint_it_begins_anew(bench: Bench, tmp_path: Path) -> None:
    folder = bench.store.run("toy-key", 1)
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text("left: behind\n")
    run_trial(bench, wanted(tmp_path, seed=1), FOREVER)
    assert json.loads((folder / "result.json").read_text())["seed"] == 1
    assert "left" not in (folder / "recipe.yaml").read_text()
    assert not folder.with_name("seed-12").exists()


def test_killed_before_it_was_judged_it_is_only_judged(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_trial(bench, wanted(tmp_path), FOREVER)
    result = bench.store.run("toy-key", 0) / "result.json"
    before = json.loads(result.read_text())
    result.unlink()
    monkeypatch.setattr(trial, "run_training", None)
    run_trial(bench, wanted(tmp_path), FOREVER)
    assert json.loads(result.read_text())["best"] == before["best"]


def test_begun_under_another_default_it_does_not_go_on(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run_trial(bench, wanted(tmp_path), until=0.0)
    checkpoint = bench.store.run("toy-key", 0) / "model.pt"
    state = load_checkpoint(checkpoint)
    save_checkpoint(checkpoint, {**state, "recipe": {**state["recipe"], "clip_norm": 77.0}})
    with pytest.raises(UsageError, match="clip_norm 10.0, found earlier ones with 77.0"):
        run_trial(bench, wanted(tmp_path), FOREVER)


def test_a_damaged_checkpoint_names_the_folder_to_remove(bench: Bench, tmp_path: Path) -> None:
    folder = bench.store.run("toy-key", 0)
    folder.mkdir(parents=True)
    (folder / "model.pt").write_bytes(b"half")
    with pytest.raises(ModelError, match=f"remove {folder}: the run is made again"):
        run_trial(bench, wanted(tmp_path), FOREVER)
