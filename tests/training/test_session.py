"""From a recipe and a data set to the folder of a run, and what is refused on the way."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_toys import assert_same, register_toy, write_coco

from edgedet.data.class_weights import auto_class_weights
from edgedet.recipe import load_recipe
from edgedet.runtime.errors import DataError, EdgedetError, ModelError, UsageError
from edgedet.training.checkpoint import load_checkpoint, model_from_checkpoint
from edgedet.training.interruption import Interrupted, StopRequest
from edgedet.training.session import Order
from edgedet.training.session import run_training as run_training_here


def run_training(given: Order) -> Path:
    """The folder of a run in this one process."""
    folder = run_training_here(given)
    assert folder is not None
    return folder


FLAGS: dict[str, Any] = {
    "model": "toy",
    "weights": "none",
    "batch": 3,
    "imgsz": 32,
    "workers": 0,
    "epochs": 2,
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    register_toy()
    return write_coco(tmp_path / "data")


def order(data: Path, out: Path, **changes: Any) -> Order:
    flags = {**FLAGS, "data": str(data)} | changes.pop("flags", {})
    return Order(flags=flags, device="cpu", out=out, **changes)


@pytest.fixture
def finished(data: Path, tmp_path: Path) -> Path:
    return run_training(order(data, tmp_path / "run"))


def test_leaves_what_the_conventions_name(finished: Path, data: Path) -> None:
    names = {path.name.split(".")[0] for path in finished.iterdir()}
    assert names == {"best", "events", "metrics", "model", "recipe", "results"}
    recipe = load_recipe(finished / "recipe.yaml")
    assert (recipe.model, recipe.epochs, recipe.data) == ("toy", 2, str(data))
    state = load_checkpoint(finished / "model.pt")
    assert state["recipe"]["batch"] == 3
    assert state["class_names"] == ["disc", "box"]
    assert state["options"]["imgsz"] == 32
    model: Any = model_from_checkpoint(finished / "best.pt")
    assert model.spec.provenance["data_sha256"] == state["data_fingerprint"]
    assert model.spec.provenance["builder"] == "toy"


def interrupt_at_once(monkeypatch: pytest.MonkeyPatch, given: Order) -> None:
    """Stop after the first step."""
    with monkeypatch.context() as patch:
        patch.setattr(StopRequest, "requested", True, raising=False)
        patch.setattr(StopRequest, "__init__", lambda self, until: None)
        with pytest.raises(Interrupted):
            run_training(given)


@pytest.mark.parametrize("workers", [0, 2])
def test_augmented_run_resumes_exactly(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    """With real images, augmentation, caching and accumulation, whoever loads them."""
    file = tmp_path / "recipe.yaml"
    file.write_text("augment: [hflip, photometric, crop]\naccumulate: 2\ncache: true\n")
    how = {"recipe_file": file, "flags": {"workers": workers}}
    whole = run_training(order(data, tmp_path / "whole", **dict(how)))
    interrupt_at_once(monkeypatch, order(data, tmp_path / "broken", **dict(how)))
    state = load_checkpoint(tmp_path / "broken" / "model.pt")
    assert (state["epoch"], state["batches_done"], state["step"]) == (0, 2, 1)
    resumed = run_training(Order(resume=tmp_path / "broken" / "model.pt", device="cpu"))
    for name in ("model.pt", "best.pt"):
        assert_same(load_checkpoint(whole / name), load_checkpoint(resumed / name))


def test_same_seed_same_weights_and_another_seed_others(data: Path, tmp_path: Path) -> None:
    runs = [
        run_training(order(data, tmp_path / name, flags={"seed": seed, "epochs": 1}))
        for name, seed in (("a", 3), ("b", 3), ("c", 4))
    ]
    weights = [load_checkpoint(run / "model.pt")["model"]["head.weight"] for run in runs]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_images_without_objects_train_on(tmp_path: Path) -> None:
    register_toy()
    folder = run_training(order(write_coco(tmp_path / "empty", objects=False), tmp_path / "run"))
    state = load_checkpoint(folder / "best.pt")
    assert all(torch.isfinite(value).all() for value in state["model"].values())
    assert len((folder / "results.csv").read_text().splitlines()) == 3


def test_auto_class_weights_become_numbers(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("model_options: {class_weights: auto}\n")
    folder = run_training(order(data, tmp_path / "run", recipe_file=file))
    assert load_checkpoint(folder / "model.pt")["options"]["class_weights"] == [1.0, 1.0]
    assert auto_class_weights(np.array([10, 0, 4])) == (1.0, 1.0, 2.5)


def test_data_that_moved_is_the_same_data(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("schedule: constant\n")
    folder = run_training(order(data, tmp_path / "run", recipe_file=file, flags={"epochs": 1}))
    moved = shutil.move(data, tmp_path / "elsewhere")
    run_training(Order(resume=folder, flags={"data": str(moved), "epochs": 2}, device="cpu"))
    assert load_checkpoint(folder / "model.pt")["epoch"] == 2


def other_images(data: Path) -> dict[str, Any]:
    shutil.rmtree(data)
    write_coco(data, train=9)
    return {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: {}, "has done all 2 epochs"),
        (lambda _: {"flags": {"epochs": 5}}, "--epochs 2 as in the checkpoint, found 5"),
        (lambda _: {"flags": {"batch": 4}}, "--batch 3 as in the checkpoint, found 4"),
        (lambda _: {"flags": {"seed": 1}}, "--seed 0 as in the checkpoint"),
        (lambda _: {"out": Path("other")}, "--resume without --out"),
    ],
)
def test_refused_resumes(finished: Path, data: Path, change: Any, message: str) -> None:
    before = {path: path.read_bytes() for path in finished.iterdir()}
    with pytest.raises(UsageError, match=message) as caught:
        run_training(Order(resume=finished, device="cpu", **change(data)))
    assert "\n" not in str(caught.value)
    assert before == {path: path.read_bytes() for path in finished.iterdir()}


def test_other_data_is_refused(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_at_once(monkeypatch, order(data, tmp_path / "run"))
    other_images(data)
    with pytest.raises(UsageError, match="--data of the checkpoint, found other images"):
        run_training(Order(resume=tmp_path / "run", device="cpu"))


def test_a_model_without_training_cannot_be_resumed(finished: Path, tmp_path: Path) -> None:
    state = load_checkpoint(finished / "model.pt")
    stripped = {key: value for key, value in state.items() if key != "optimizer"}
    torch.save(stripped, tmp_path / "slim.pt")
    with pytest.raises(ModelError, match="none of optimizer"):
        run_training(Order(resume=tmp_path / "slim.pt", device="cpu"))


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"flags": {"model": "tpy"}}, UsageError, "did you mean 'toy'"),
        ({"flags": {"data": ""}}, UsageError, "no --data"),
        ({"flags": {"data": "nowhere"}}, DataError, "nowhere"),
        ({"flags": {"epochs": 0}}, UsageError, "--epochs to be at least 1"),
        ({"flags": {"weights": "imagenet"}}, UsageError, "--weights none"),
        ({"flags": {"model_options": {"dropoot": 1}}}, UsageError, "did you mean 'dropout'"),
        ({"flags": {"data": "shapes", "augment": ["hflop"]}}, UsageError, "did you mean 'hflip'"),
        ({"resume": Path("nowhere.pt"), "out": None}, ModelError, "No such file"),
    ],
)
def test_bad_input_leaves_nothing(
    data: Path, tmp_path: Path, changes: dict[str, Any], kind: type[EdgedetError], message: str
) -> None:
    given = {"out": tmp_path / "run", **changes}
    out = given.pop("out")
    with pytest.raises(kind, match=message) as caught:
        run_training(order(data, out, **given))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_random_blocks_are_not_frozen(data: Path, tmp_path: Path) -> None:
    flags = {"model": "scale_aware_ssd", "imgsz": 64, "model_options": {"frozen_blocks": 3}}
    with pytest.raises(UsageError, match="would freeze random numbers"):
        run_training(order(data, tmp_path / "run", flags=flags))
    assert not (tmp_path / "run").exists()
