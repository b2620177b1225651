"""Under which conditions the runs of a table were made, in a line for its readers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edgedet.recipe import Recipe
from edgedet.training.labelled import Labelled


def conditions(
    recipes: Iterable[Recipe], results: Iterable[Mapping[str, Any]], labelled: Labelled
) -> str:
    """Return budget, data and machines; what differs between the rows is joined by "or"."""
    every, machines = list(recipes), [result["origin"] for result in results]
    said = [
        f"epochs {_any(recipe.epochs for recipe in every)}",
        f"batch {_any(recipe.batch for recipe in every)}",
        f"{_any(recipe.imgsz for recipe in every)} px",
        f"precision {_any(recipe.precision for recipe in every)}",
        f"{len(labelled.train.images)} images with {int(labelled.train.counts().sum())} objects to "
        f"train on, {len(labelled.val.images)} with {int(labelled.val.counts().sum())} to validate",
    ]
    if machines:
        said.append(_any(_machine(origin) for origin in machines))
    return f"Conditions: {'; '.join(said)}."


def _machine(origin: Mapping[str, Any]) -> str:
    machine, device = origin["machine"], origin["device"]
    if device != "cpu" and machine["gpu"]:
        return f"{device}: {', '.join(map(str, machine['gpu']))}"
    return f"{machine['usable_cores']} cores of {machine['cpu']}"


def _any(values: Iterable[object]) -> str:
    return " or ".join(dict.fromkeys(str(value) for value in values))
