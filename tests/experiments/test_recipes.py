"""Defaults < base recipe < variant < command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgedet.default_recipes import DEFAULT_RECIPES
from edgedet.experiments.recipes import own_settings, read_base, variant_recipe
from edgedet.recipe import Recipe
from edgedet.runtime.errors import UsageError

BASE = """
model: scale_aware_ssd
model_options: {frozen_blocks: 3, mean: [0.5, 0.5, 0.5]}
weights: none
epochs: 9
lr: 0.5
precision: bf16-mixed
augment: [vflip]
"""


@pytest.fixture
def base(tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "base.yaml"
    file.write_text(BASE)
    return read_base(file, {"epochs": 4}, "scale_aware_ssd")


def test_each_layer_lies_over_the_one_before(base: dict[str, Any]) -> None:
    changes = {"lr": 0.25, "model_options": {"sampler": "basic"}}
    recipe = variant_recipe(base, "scale_aware_ssd", changes)
    assert (recipe.epochs, recipe.lr, recipe.precision) == (4, 0.25, "bf16-mixed")
    assert recipe.weight_decay == DEFAULT_RECIPES["scale_aware_ssd"]["weight_decay"]
    assert recipe.model_options["frozen_blocks"] == 3
    assert recipe.model_options["sampler"] == "basic"


def test_the_other_attachment_is_of_the_same_kind(base: dict[str, Any]) -> None:
    recipe = variant_recipe(base, "ssd_mobilenetv2", {})
    assert (recipe.lr, recipe.weights) == (0.5, "none")
    assert recipe.model_options["frozen_blocks"] == 3


@pytest.mark.parametrize("model", ["faster_rcnn_r50_fpn", "ssdlite_mobilenetv3"])
def test_a_peer_shares_the_budget_and_keeps_its_own_way_of_learning(
    base: dict[str, Any], model: str
) -> None:
    recipe = variant_recipe(base, model, {})
    own = variant_recipe({"model": model}, model, {})
    assert (recipe.epochs, recipe.precision, recipe.augment) == (4, "bf16-mixed", ("vflip",))
    assert (recipe.lr, recipe.weights) == (own.lr, own.weights)
    assert recipe.model_options == own.model_options


def test_an_unknown_key_is_told(base: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="did you mean 'sampler'"):
        variant_recipe(base, "scale_aware_ssd", {"model_options": {"samplr": "dns"}})


def test_own_settings_are_those_that_differ_from_the_defaults() -> None:
    recipe = Recipe(model="ssd_mobilenetv2", epochs=5, model_options={"taps": "original"})
    assert own_settings(recipe) == {"model": "ssd_mobilenetv2", "model_options": {}, "epochs": 5}
