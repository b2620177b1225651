"""How a model is trained: one frozen record, read from YAML, resolved once.

Precedence: defaults of `Recipe` < defaults of the model < recipe file < command-line flags.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from edgedet.calibration.methods import METHODS
from edgedet.data.shapes_options import is_shapes
from edgedet.default_recipes import DEFAULT_RECIPES
from edgedet.recipe_file import as_plain, checked, read_yaml, recipe_key
from edgedet.runtime.errors import UsageError


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result of a training, but the machine it runs on.

    Raises UsageError that names the first field out of its range.
    """

    model: str = "scale_aware_ssd"
    """Name in the model registry (`--model`)."""
    model_options: dict[str, Any] = field(default_factory=dict)
    """Options of the model's builder, without `imgsz`. `class_weights: auto` is n_max / n_c."""
    data: str = ""
    """Labelled images (`--data`): a path, relative to the recipe file, or `shapes[:key=value]`."""
    bbox_mode: str = "xywh"
    """What the four numbers of a COCO box are: `xywh`, or `xyxy` for files that hold corners."""
    weights: str = "imagenet"
    """What the trunk starts from (`--weights`): `imagenet`, `none`, or a path."""
    from_checkpoint: str = ""
    """Checkpoint that the whole detector starts from (`--from`), instead of `weights`; "": none."""
    qat: bool = False
    """Quantisation-aware training (`--qat`): the network computes as its INT8 form will."""
    qat_images: int = 128
    """Of `qat`: training images that the ranges of INT8 are calibrated on before the first step."""
    qat_method: str = "mse"
    """Of `qat`: how the ranges are chosen: `minmax`, `entropy`, `percentile` or `mse`."""
    imgsz: int = 512
    """Side of the network's square input in pixels (`--imgsz`)."""
    epochs: int = 60
    """Passes over the training images (`--epochs`)."""
    batch: int = 8
    """Images of one forward pass on one device (`--batch`)."""
    accumulate: int = 1
    """Batches whose gradients are averaged into one step of the optimiser."""
    optimizer: str = "adamw"
    """`adam`, `adamw` or `sgd`."""
    lr: float = 0.001
    """Peak learning rate, after the warm-up."""
    weight_decay: float = 0.0005
    """Of weights with two or more axes; biases and normalisation layers have none."""
    momentum: float = 0.9
    """Of `sgd`, and the first beta of `adam` and `adamw`."""
    schedule: str = "cosine"
    """`cosine`, `step` or `constant`."""
    warmup_epochs: float = 1.0
    """Length of the linear rise of the learning rate from 0."""
    milestones: tuple[float, ...] = (0.5, 0.9)
    """Of `step`: parts of the whole training, in 0..1, after which the rate is multiplied."""
    step_factor: float = 0.1
    """Of `step`: what the rate is multiplied with at each milestone."""
    final_lr_factor: float = 0.01
    """Of `cosine`: the last learning rate as a part of the peak."""
    clip_norm: float = 10.0
    """Longest allowed gradient (L2 norm over all weights); 0 = no clipping."""
    ema_decay: float = 0.998
    """Of the averaged weights that are evaluated and exported; 0 = no averaging."""
    precision: str = "32"
    """`32`, `bf16-mixed` or `16-mixed`."""
    augment: tuple[str, ...] = ()
    """Names of random changes; in which order they act is not for the recipe to say."""
    cache: bool = False
    """Keep the resized images in memory (3 * imgsz^2 bytes each)."""
    workers: int = 2
    """Processes that load images (`--workers`); 0 = in the training process."""
    eval_every: int = 1
    """Epochs between two evaluations; the last epoch is always evaluated."""
    patience: int = 0
    """Evaluations without a better result after which training ends; 0 = never."""
    select: str = "ap"
    """What the best checkpoint is chosen by: `ap` (COCO 0.50..0.95) or `ap50`."""
    seed: int = 0
    """Of the initial weights, the order of the images, and the augmentation (`--seed`)."""

    def __post_init__(self) -> None:
        for name, expected, holds in _CHECKS:
            value = getattr(self, name)
            if not holds(value):
                raise UsageError(
                    f"{spelling(name)} to be {expected}", repr(value), "correct the value"
                )


_FLAGS = {
    **{name: f"--{name}" for name in ("model", "data", "weights", "imgsz", "epochs", "batch")},
    **{name: f"--{name}" for name in ("workers", "seed", "qat")},
    "from_checkpoint": "--from",
}


def spelling(name: str) -> str:
    """How the user writes the field `name`: as a flag where there is one."""
    return _FLAGS.get(name) or recipe_key(name)


def _one_of(*names: str) -> tuple[str, Callable[[Any], bool]]:
    return f"one of {', '.join(names)}", names.__contains__


def _at_least(low: float) -> tuple[str, Callable[[Any], bool]]:
    return f"at least {low:g}", lambda value: math.isfinite(value) and value >= low


def _fraction(value: Any) -> bool:
    return bool(0 <= value <= 1)


_CHECKS: tuple[tuple[str, str, Callable[[Any], bool]], ...] = (
    ("model_options", "without imgsz, which is --imgsz", lambda o: "imgsz" not in o),
    ("bbox_mode", *_one_of("xywh", "xyxy")),
    ("imgsz", *_at_least(1)),
    ("epochs", *_at_least(1)),
    ("batch", *_at_least(1)),
    ("accumulate", *_at_least(1)),
    ("optimizer", *_one_of("adam", "adamw", "sgd")),
    ("lr", "above 0", lambda lr: math.isfinite(lr) and lr > 0),
    ("weight_decay", *_at_least(0)),
    ("momentum", "in 0..1, below 1", lambda m: 0 <= m < 1),
    ("schedule", *_one_of("cosine", "step", "constant")),
    ("warmup_epochs", *_at_least(0)),
    ("milestones", "in 0..1, rising", lambda m: all(map(_fraction, m)) and list(m) == sorted(m)),
    ("step_factor", "in 0..1", _fraction),
    ("final_lr_factor", "in 0..1", _fraction),
    ("clip_norm", *_at_least(0)),
    ("ema_decay", "in 0..1, below 1", lambda d: 0 <= d < 1),
    ("precision", *_one_of("32", "bf16-mixed", "16-mixed")),
    ("workers", *_at_least(0)),
    ("eval_every", *_at_least(1)),
    ("patience", *_at_least(0)),
    ("select", *_one_of("ap", "ap50")),
    ("qat_images", *_at_least(1)),
    ("qat_method", *_one_of(*METHODS)),
    ("seed", "in 0..2^63", lambda seed: 0 <= seed < 2**63),
)


def resolve_recipe(file: Path | None, flags: Mapping[str, Any]) -> Recipe:
    """Return the recipe of a run. `flags` holds the fields that the command line gave.

    Raises UsageError for an unreadable file, an unknown key, a wrong type or value.
    """
    given = given_keys(file, flags)
    model = str(given.get("model", Recipe.model))
    merged = {**DEFAULT_RECIPES.get(model, {}), **given}
    options = DEFAULT_RECIPES.get(model, {}).get("model_options", {})
    merged["model_options"] = options | as_plain(given).get("model_options", {})
    return recipe_from_dict(merged)


def given_keys(file: Path | None, flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that a recipe file and the flags set, the flags before the file.

    Raises UsageError as `read_recipe`.
    """
    return (read_recipe(file) if file else {}) | with_absolute_paths(flags, Path.cwd())


def load_recipe(path: Path) -> Recipe:
    """Return the recipe of one YAML file over the defaults of its model."""
    return resolve_recipe(path, {})


def read_recipe(path: Path) -> dict[str, Any]:
    """Return the keys that a YAML file sets, checked, with paths made absolute.

    Raises UsageError when it cannot be read or is no recipe.
    """
    return with_absolute_paths(checked(Recipe, read_yaml(path), spelling), path.resolve().parent)


def recipe_from_dict(values: Mapping[Any, Any]) -> Recipe:
    """Return the recipe with these fields, defaults elsewhere; UsageError as `resolve_recipe`."""
    return Recipe(**checked(Recipe, values, spelling))


def recipe_to_yaml(recipe: Recipe) -> str:
    """Return YAML that `load_recipe` reads back to an equal recipe."""
    return yaml.safe_dump(as_plain(asdict(recipe)), sort_keys=False)


_PATHS = {"weights": ("imagenet", "none"), "data": ("",), "from_checkpoint": ("",)}
"""Fields that are paths, and the words in them that are none."""


def with_absolute_paths(given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the fields, those that are paths as seen from `folder`, which names them."""
    values = dict(given)
    for name, words in _PATHS.items():
        value = values.get(name)
        if value is not None and value not in words and not is_shapes(value):
            # Not resolved: a linked label file has its images beside the link.
            values[name] = os.path.abspath(folder / Path(value).expanduser())  # noqa: PTH100
    return values
