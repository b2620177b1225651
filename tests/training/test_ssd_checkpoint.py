"""Checkpoints of SSDs: options that are lists of lists, and files of the first release."""

from pathlib import Path
from typing import Any

import torch

from edgedet.models.registry import build_model, resolve_options
from edgedet.recipe import load_recipe, recipe_to_yaml, resolve_recipe
from edgedet.runtime.spec import spec_to_json
from edgedet.training.checkpoint import model_from_checkpoint, save_checkpoint

NAMES = ("a", "b")
NESTED = {"trunk": "resnet18", "taps": [3, 4], "anchors": [20, [25, 38], 58], "imgsz": 64}


def saved(path: Path, options: dict[str, Any], given: dict[str, Any]) -> torch.nn.Module:
    model: Any = build_model("scale_aware_ssd", NAMES, given)
    state = {
        "builder": "scale_aware_ssd",
        "class_names": list(NAMES),
        "options": options,
        "spec": spec_to_json(model.spec),
        "model": dict(model.state_dict()),
        "ema": None,
    }
    save_checkpoint(path, state)
    assert isinstance(model, torch.nn.Module)
    return model.eval()


def assert_same(path: Path, model: Any) -> None:
    loaded: Any = model_from_checkpoint(path)
    images = torch.randn(1, 3, 64, 64)
    assert torch.equal(loaded.anchors_xyxy, model.anchors_xyxy)
    with torch.no_grad():
        assert all(map(torch.equal, loaded.predict(images), model.predict(images)))


def test_nested_anchors_and_numbered_taps_come_back(tmp_path: Path) -> None:
    model = saved(tmp_path / "m.pt", resolve_options("scale_aware_ssd", NESTED), NESTED)
    assert_same(tmp_path / "m.pt", model)


def test_a_checkpoint_without_the_later_options_still_loads(tmp_path: Path) -> None:
    """Written when MobileNetV2 was the only trunk."""
    options = resolve_options("scale_aware_ssd", {"imgsz": 64})
    del options["trunk"]
    assert_same(tmp_path / "m.pt", saved(tmp_path / "m.pt", options, {"imgsz": 64}))


def test_a_recipe_carries_nested_anchors_to_the_model(tmp_path: Path) -> None:
    given = {key: value for key, value in NESTED.items() if key != "imgsz"}
    recipe = resolve_recipe(None, {"model": "scale_aware_ssd", "model_options": given})
    (tmp_path / "recipe.yaml").write_text(recipe_to_yaml(recipe))
    read = load_recipe(tmp_path / "recipe.yaml")
    assert read == recipe
    options = resolve_options("scale_aware_ssd", read.model_options)
    assert options["taps"] == (3, 4)
    assert options["anchors"] == (20, (25, 38), 58)
