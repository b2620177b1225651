"""The detector that a recipe asks for, new and seeded, or for the weights of a checkpoint."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from edgedet import __version__
from edgedet.data.class_weights import auto_class_weights
from edgedet.models.registry import build_model, resolve_options
from edgedet.models.weights import load_trunk_weights
from edgedet.recipe import Recipe
from edgedet.runtime.errors import UsageError
from edgedet.training.labelled import Labelled


def model_options(recipe: Recipe, counts: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Return all options of the model's builder, in plain numbers.

    counts: [classes] objects of the training part, for class weights that are `auto`.
    """
    options = resolve_options(recipe.model, {**recipe.model_options, "imgsz": recipe.imgsz})
    if options.get("class_weights") == "auto":
        options["class_weights"] = auto_class_weights(counts)
    return options


def _check_frozen(recipe: Recipe, options: dict[str, Any]) -> None:
    frozen = [name for name in ("frozen_blocks", "frozen_norm") if options.get(name)]
    if frozen and recipe.weights == "none":
        trained = ", ".join(f"{name}: {type(options[name])()}".lower() for name in frozen)
        raise UsageError(
            f"--weights for a trunk with {' and '.join(frozen)}",
            "--weights none, which would freeze random numbers",
            f"give --weights imagenet or a file, or set model_options: {{{trained}}}",
        )


def new_detector(
    recipe: Recipe, labelled: Labelled, options: dict[str, Any], *, trained: bool
) -> nn.Module:
    """Return the detector with seeded weights, and those of `recipe.weights` if `trained`."""
    torch.manual_seed(recipe.seed)
    model = build_model(recipe.model, labelled.train.class_names, options)
    origin = {"edgedet": __version__, "data_sha256": labelled.fingerprint()}
    model.spec = model.spec._replace(provenance={**model.spec.provenance, **origin})
    assert isinstance(model, nn.Module)
    if trained:
        _check_frozen(recipe, options)
        load_trunk_weights(model, recipe.weights)
    return model.to(memory_format=torch.channels_last)
