"""Training that starts from a trained detector: its recipe, and its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from edgedet.data.annotations import Annotations
from edgedet.recipe import Recipe, given_keys, recipe_from_dict, resolve_recipe
from edgedet.recipe_file import as_plain
from edgedet.runtime.errors import ModelError, UsageError
from edgedet.training.checkpoint import load_checkpoint, load_weights

QAT_LR = 0.05
"""Of `--qat`: the learning rate, as a part of the one that the checkpoint was trained with."""
QAT_RECIPE: Mapping[str, Any] = {
    "epochs": 3,
    "warmup_epochs": 0.0,
    "schedule": "cosine",
    "eval_every": 1,
    "patience": 0,
    "precision": "32",
}
"""Of `--qat`, over the recipe of the checkpoint. In bf16 the rounding of INT8, which is to be
learnt, would drown in another one of its size."""
_OWN = ("from_checkpoint", "qat", "qat_images", "qat_method")
"""Settings of the checkpoint's recipe that say how it came about itself."""


class Origin(NamedTuple):
    """The checkpoint that a training starts from, but does not go on with."""

    file: Path
    state: dict[str, Any]

    def load_into(self, model: nn.Module, train: Annotations) -> None:
        """Give `model` the weights: averaged ones where there are some.

        Raises UsageError for data of other classes, ModelError for weights that do not fit.
        """
        classes = tuple(self.state["class_names"])
        if classes != train.class_names:
            raise UsageError(
                f"--data with the classes of {self.file}: {_listed(classes)}",
                _listed(train.class_names),
                "label these, or train without --from",
            )
        load_weights(model, self.state["ema"] or self.state["model"], self.file)


def starting_recipe(file: Path | None, flags: Mapping[str, Any]) -> tuple[Recipe, Origin | None]:
    """Return the recipe of a new run, and the checkpoint that it starts from, if any.

    What neither the recipe file nor the flags set is as in the checkpoint; with `--qat`, as in
    QAT_RECIPE before that. Raises UsageError as `resolve_recipe`, for `--qat` without a checkpoint
    and for what contradicts it; ModelError as `load_checkpoint`.
    """
    given = given_keys(file, flags)
    source = given.get("from_checkpoint")
    if not source:
        if given.get("qat"):
            fix = "train first, then give --from best.pt"
            raise UsageError("--from CHECKPOINT with --qat", "none", fix)
        return resolve_recipe(file, flags), None
    origin = Origin(Path(source), load_checkpoint(Path(source)))
    if "recipe" not in origin.state:
        found = f"{origin.file} without a recipe"
        raise ModelError("--from a checkpoint of a training", found, "give a run's best.pt")
    _check_model(given, origin)
    if "weights" in flags:
        found = f"--weights {flags['weights']} beside --from"
        raise UsageError("one place to start from", found, "leave one of them out")
    return _merged(origin.state["recipe"], given), origin


def _check_model(given: Mapping[str, Any], origin: Origin) -> None:
    builder = origin.state["builder"]
    if given.get("model", builder) != builder:
        expected = f"--model {builder}, as in {origin.file}"
        raise UsageError(expected, str(given["model"]), "leave --model out")


def _merged(saved: Mapping[str, Any], given: Mapping[str, Any]) -> Recipe:
    base = {name: value for name, value in saved.items() if name not in _OWN}
    if given.get("qat"):
        base |= QAT_RECIPE
        base["lr"] = saved["lr"] if saved.get("qat") else QAT_LR * saved["lr"]
    options = {**base.get("model_options", {}), **as_plain(given).get("model_options", {})}
    return recipe_from_dict({**base, **given, "model_options": options})


def _listed(classes: tuple[str, ...]) -> str:
    return ", ".join(classes)
