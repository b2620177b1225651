"""One training of a variant: begun, gone on with, judged, and kept as a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgedet.experiments.judging import judge, training_curve
from edgedet.experiments.key import NOT_LEARNT
from edgedet.experiments.origin import origin
from edgedet.experiments.recipes import own_settings, with_seed
from edgedet.experiments.store import Store
from edgedet.recipe import Recipe
from edgedet.recipe_file import as_plain
from edgedet.runtime.errors import ModelError, UsageError
from edgedet.training.best import Best
from edgedet.training.checkpoint import load_checkpoint
from edgedet.training.detector import model_options
from edgedet.training.labelled import Labelled
from edgedet.training.outputs import LAST
from edgedet.training.session import Order, run_training


@dataclass(frozen=True)
class Trial:
    """A training that is wanted."""

    key: str
    recipe: Recipe
    """Of seed 0."""
    seed: int
    title: str
    """Of the variant that asked for it first."""


@dataclass(frozen=True)
class Bench:
    """What all trials share."""

    store: Store
    labelled: Labelled
    device: str


def run_trial(bench: Bench, trial: Trial, until: float) -> None:
    """Train to the end, from the last checkpoint if there is one, and leave a result.

    Raises Interrupted at `until` (as `time.monotonic` counts) or after a signal, with a checkpoint
    to go on from; EdgedetError for whatever the user can mend.
    """
    folder = bench.store.run(trial.key, trial.seed)
    recipe = with_seed(trial.recipe, trial.seed)
    saved = _saved(folder) if bench.store.clear_unsaved(trial.key, trial.seed) else None
    if saved:
        check_defaults_as_then(saved, recipe, bench.labelled)
    if saved is None or not _is_trained(saved, recipe):
        run_training(_order(recipe, folder, bench.device, until, begun=saved is not None))
    bench.store.finish(trial.key, trial.seed, _result(bench, recipe, folder))


def check_defaults_as_then(made: Mapping[str, Any], recipe: Recipe, labelled: Labelled) -> None:
    """Raise UsageError when a default has another value than when a run was made.

    made: `recipe` and `options` of its result, or of the checkpoint that it is to go on from.

    Settings that are as the defaults are no part of a run's key, so that new ones do not make
    all runs new.
    """
    options = as_plain(model_options(recipe, labelled.train.counts()))
    for then, now in ((made["recipe"], as_plain(asdict(recipe))), (made["options"], options)):
        for name in sorted(then.keys() & now.keys() - {*NOT_LEARNT, "model_options", "weights"}):
            if then[name] != now[name]:
                raise UsageError(
                    f"runs with {name} {now[name]}",
                    f"earlier ones with {then[name]}, the default of then",
                    f"give another --out, or set {name} in the recipe",
                )


def _order(recipe: Recipe, folder: Path, device: str, until: float, *, begun: bool) -> Order:
    if begun:
        free = {"data": recipe.data, "workers": recipe.workers, "cache": recipe.cache}
        return Order(flags=free, device=device, resume=folder, until=until)
    return Order(flags=asdict(recipe), device=device, out=folder, until=until)


def _saved(folder: Path) -> dict[str, Any]:
    try:
        return load_checkpoint(folder / LAST)
    except ModelError as error:
        fix = f"remove {folder}: the run is made again"
        raise ModelError(error.expected, error.found, fix) from error


def _is_trained(saved: Mapping[str, Any], recipe: Recipe) -> bool:
    """Whether only the result is missing: killed between the last checkpoint and it."""
    stale = Best(**saved["best"]).is_stale(recipe.patience)
    return bool(saved["epoch"] >= recipe.epochs) or stale


def _result(bench: Bench, recipe: Recipe, folder: Path) -> dict[str, Any]:
    train, val = bench.labelled
    curve = training_curve(folder)
    counts = train.counts()
    return {
        "model": recipe.model,
        "seed": recipe.seed,
        "best": {"epoch": load_checkpoint(folder / LAST)["best"]["epoch"]}
        | judge(folder, val, bench.device),
        "last": curve[-1],
        "curve": curve,
        "train_seconds": sum(
            len(train.images) / row["images_per_s"] for row in curve if row.get("images_per_s")
        ),
        "settings": own_settings(recipe),
        "recipe": as_plain(asdict(recipe)),
        "options": as_plain(model_options(recipe, counts)),
        "data": {
            "sha256": bench.labelled.fingerprint(),
            "classes": list(train.class_names),
            "train_images": len(train.images),
            "val_images": len(val.images),
            "train_objects": counts.tolist(),
        },
        "origin": origin(bench.device),
    }
