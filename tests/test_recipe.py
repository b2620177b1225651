"""The recipe: precedence, types, names, and the way through YAML."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgedet.default_recipes import DEFAULT_RECIPES
from edgedet.recipe import Recipe, load_recipe, recipe_to_yaml, resolve_recipe
from edgedet.runtime.errors import UsageError


def written(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


def test_precedence(tmp_path: Path) -> None:
    """Defaults < model's < file < flags."""
    file = written(tmp_path, "model: multiscale_shapes\nbatch: 5\nepochs: 7\n")
    recipe = resolve_recipe(file, {"epochs": 9})
    assert (recipe.epochs, recipe.batch) == (9, 5)
    assert recipe.optimizer == DEFAULT_RECIPES["multiscale_shapes"]["optimizer"] == "sgd"
    assert recipe.schedule == Recipe().schedule


def test_the_model_of_the_flags_brings_its_own_defaults(tmp_path: Path) -> None:
    file = written(tmp_path, "model: multiscale_shapes\n")
    assert resolve_recipe(file, {"model": "scale_aware_ssd"}).weights == "imagenet"


@pytest.mark.parametrize("model", [*DEFAULT_RECIPES, "unknown"])
def test_yaml_round_trip(tmp_path: Path, model: str) -> None:
    options = {"anchors": [25, [38.5, 50], 58], "taps": (5, 8), "sampler": "dns"}
    recipe = resolve_recipe(None, {"model": model, "data": "shapes", "model_options": options})
    assert load_recipe(written(tmp_path, recipe_to_yaml(recipe))) == recipe


def test_paths_are_relative_to_the_file_that_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    file = written(tmp_path / "sub", "data: ../pears\nweights: w.pth\n")
    monkeypatch.chdir(tmp_path)
    recipe = load_recipe(Path("sub/recipe.yaml"))
    assert recipe.data == str(tmp_path / "pears")
    assert recipe.weights == str(tmp_path / "sub" / "w.pth")
    assert resolve_recipe(file, {"data": "apples"}).data == str(tmp_path / "apples")
    assert resolve_recipe(file, {"data": "shapes:train=5"}).data == "shapes:train=5"
    assert resolve_recipe(file, {"weights": "none"}).weights == "none"


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("lr: 1e-4", "lr", 1e-4),  # text to YAML 1.1
        ("lr: 1", "lr", 1.0),
        ("precision: 32", "precision", "32"),
        ("milestones: [1, 1]", "milestones", (1.0, 1.0)),
        ("augment: []", "augment", ()),
        ("", "epochs", Recipe().epochs),
    ],
)
def test_what_yaml_writers_mean(tmp_path: Path, text: str, name: str, value: Any) -> None:
    found = getattr(load_recipe(written(tmp_path, f"model: x\n{text}\n")), name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch: 3", "did you mean 'epochs'"),
        ("3: 4", "a recipe key out of"),
        ("epochs: three", "--epochs to be of type int, found 'three'"),
        ("epochs: 2.5", "--epochs to be of type int"),
        ("epochs: true", "--epochs to be of type int"),
        ("lr: fast", "recipe key lr to be of type float"),
        ("lr: false", "recipe key lr to be of type float"),
        ("lr: .nan", "recipe key lr to be above 0"),
        ("augment: hflip", "recipe key augment to be a list"),
        ("augment: [{}]", "recipe key augment to be of type str"),
        ("model_options: [a]", "recipe key model_options to be of type dict"),
        ("model_options: {imgsz: 3}", "which is --imgsz"),
        ("data: [a]", "--data to be of type str"),
        ("- a\n- b", "`key: value` lines"),
        ("a: [", "to be a YAML file"),
        ("b: 1\na: b: c", "mapping values are not allowed here in line 2;"),
        ("a: !!python/object/apply:os.system ['true']", "to be a YAML file"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_recipe(written(tmp_path, text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="found No such file or directory; check the path"):
        load_recipe(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 0},
        {"batch": 0},
        {"imgsz": 0},
        {"accumulate": 0},
        {"optimizer": "lion"},
        {"lr": 0.0},
        {"weight_decay": -1.0},
        {"momentum": 1.0},
        {"schedule": "linear"},
        {"warmup_epochs": -0.5},
        {"milestones": (0.9, 0.5)},
        {"milestones": (5.0,)},
        {"step_factor": 2.0},
        {"final_lr_factor": 2.0},
        {"clip_norm": -1.0},
        {"clip_norm": float("inf")},
        {"ema_decay": 1.0},
        {"precision": "64"},
        {"bbox_mode": "cxcywh"},
        {"workers": -1},
        {"eval_every": 0},
        {"patience": -1},
        {"select": "ap75"},
        {"seed": -1},
    ],
)
def test_values_out_of_range_name_the_field(change: dict[str, Any]) -> None:
    (name,) = change
    with pytest.raises(UsageError, match=f"^expected (--|recipe key ){name} "):
        replace(Recipe(), **change)
