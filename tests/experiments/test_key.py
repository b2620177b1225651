"""Which trainings are the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgedet.experiments.key import run_key
from edgedet.experiments.recipes import variant_recipe
from edgedet.recipe import Recipe

BASE: dict[str, Any] = {"model": "scale_aware_ssd", "data": "/data", "weights": "none"}


def key(changes: dict[str, Any] | None = None, model: str = "scale_aware_ssd") -> str:
    return run_key(variant_recipe(BASE, model, changes or {}), "print")


def options(**given: Any) -> dict[str, Any]:
    return {"model_options": given}


@pytest.mark.parametrize(
    "changes",
    [
        {"data": "/elsewhere"},
        {"workers": 5, "cache": True},
        options(sampler="dns"),
        options(anchors=[25, 38, 58, 87]),
        options(anchors=(25.0, 38.0, 58.0, 87.0), class_weights="none"),
    ],
)
def test_what_does_not_alter_the_result_is_the_same_run(changes: dict[str, Any]) -> None:
    assert key(changes) == key()


def test_a_whole_number_for_a_float_is_the_same_run() -> None:
    assert key(options(negative_ratio=1)) == key(options(negative_ratio=1.0))


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 7},
        {"lr": 0.002},
        {"augment": ["hflip"]},
        {"weights": "imagenet"},
        options(sampler="basic"),
        options(anchors=[25, 38, 58, 88]),
    ],
)
def test_what_alters_it_is_another(changes: dict[str, Any]) -> None:
    assert key(changes).rpartition("-")[2] != key().rpartition("-")[2]


def test_the_model_the_data_and_the_seed() -> None:
    recipe = Recipe(model="scale_aware_ssd")
    assert run_key(recipe, "a") != run_key(recipe, "b")
    assert run_key(recipe, "a") == run_key(replace(recipe, seed=3), "a")
    assert key(model="ssd_mobilenetv2") != key()


def test_the_contents_of_a_weights_file_count_not_its_place(tmp_path: Path) -> None:
    names = [tmp_path / name for name in ("a.pth", "b.pth", "c.pth")]
    for name, content in zip(names, (b"1", b"1", b"2"), strict=True):
        name.write_bytes(content)
    same, alike, other = (key({"weights": str(name)}) for name in names)
    assert same == alike != other


def test_the_name_can_be_read() -> None:
    name = key(options(sampler="basic", negative_ratio=1.0))
    assert name.startswith("scale_aware_ssd-negative_ratio-1.0-basic-")
