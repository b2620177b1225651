"""The recipe of a variant: defaults < base recipe < variant < command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from edgedet.models.registry import model_entry, resolve_options
from edgedet.recipe import Recipe, read_recipe, resolve_recipe
from edgedet.recipe_file import as_plain

OF_A_MODEL = frozenset(
    {
        "model_options",
        "weights",
        "optimizer",
        "lr",
        "weight_decay",
        "momentum",
        "schedule",
        "warmup_epochs",
        "milestones",
        "step_factor",
        "final_lr_factor",
        "clip_norm",
        "ema_decay",
    }
)
"""Keys of the base recipe that suit the kind of model it was written for and no other. What is
left, the budget above all, is the same for every variant."""


def read_base(file: Path | None, flags: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Return the base recipe's keys with those of `flags` over them, `model` as a default.

    Raises UsageError as `read_recipe`.
    """
    given = read_recipe(file) if file else {}
    return {"model": model, **given, **flags}


def variant_recipe(base: Mapping[str, Any], model: str, changes: Mapping[str, Any]) -> Recipe:
    """Return the resolved recipe of seed 0 for `model` with `changes`.

    Raises UsageError for an unknown key or option, or a value out of range.
    """
    alike = model_entry(model).options is model_entry(str(base["model"])).options
    kept = {key: value for key, value in base.items() if alike or key not in OF_A_MODEL}
    options = {**kept.get("model_options", {}), **changes.get("model_options", {})}
    given = {**kept, **changes, "model": model, "model_options": options, "seed": 0}
    recipe = resolve_recipe(None, given)
    resolve_options(model, {**recipe.model_options, "imgsz": recipe.imgsz})
    return recipe


def with_seed(recipe: Recipe, seed: int) -> Recipe:
    """Return the same training from other random numbers."""
    return replace(recipe, seed=seed)


def own_options(recipe: Recipe) -> dict[str, Any]:
    """Return the model's options, in plain types, in which the recipe departs from its defaults."""
    plain = resolve_options(recipe.model, {})
    given = resolve_options(recipe.model, recipe.model_options)
    own = {key: value for key, value in given.items() if value != plain.get(key)}
    return as_plain({key: _as_declared(value, plain.get(key)) for key, value in own.items()})


def _as_declared(value: Any, default: Any) -> Any:
    """1 for an option that is a float is 1.0: one setting has one name."""
    return float(value) if isinstance(default, float) and isinstance(value, int) else value


def own_settings(recipe: Recipe) -> dict[str, Any]:
    """Return all that the recipe says which is not the default of `Recipe`, in plain types.

    A setting that a later release adds does not show as long as it keeps its default.
    """
    default = Recipe()
    named = {field.name for field in fields(Recipe)} - {"model", "model_options"}
    given = {k: v for k, v in asdict(recipe).items() if k in named and v != getattr(default, k)}
    return as_plain({"model": recipe.model, "model_options": own_options(recipe), **given})
