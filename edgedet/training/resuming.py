"""Whether a run may go on from a checkpoint, and with which recipe."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgedet.recipe import Recipe, given_keys, recipe_from_dict, spelling
from edgedet.runtime.errors import ModelError, UsageError
from edgedet.training.checkpoint import load_checkpoint
from edgedet.training.outputs import LAST

FREE = frozenset({"data", "weights", "workers", "cache", "eval_every", "patience"})
"""Recipe keys that may change on resuming: they do not alter what is learnt. `data` may have
moved, its contents are compared; `weights` are those of the checkpoint."""
KEYS = ("recipe", "optimizer", "epoch", "batches_done", "step", "data_fingerprint", "world_size")


def checkpoint_to_resume(path: Path) -> tuple[Path, dict[str, Any]]:
    """Return the checkpoint file of `path`, which may be the folder of a run, and its contents.

    Raises ModelError as `load_checkpoint`, and for one that holds a model but no training.
    """
    file = path / LAST if path.is_dir() else path
    state = load_checkpoint(file)
    missing = [key for key in KEYS if key not in state]
    if missing:
        found = f"none of {', '.join(missing)}"
        raise ModelError(f"{file} to hold a training", found, f"resume from the run's {LAST}")
    return file, state


def resumed_recipe(state: Mapping[str, Any], file: Path | None, flags: Mapping[str, Any]) -> Recipe:
    """Return the checkpoint's recipe with the free keys of a recipe file and of the flags.

    Raises UsageError that names a key that was given another value and must not change.
    """
    saved = recipe_from_dict(state["recipe"])
    given = given_keys(file, flags)
    new = recipe_from_dict({**state["recipe"], **given})
    free = FREE | ({"epochs"} if saved.schedule == "constant" else set())
    for name in given:
        before, now = getattr(saved, name), getattr(new, name)
        if before != now and name not in free:
            raise UsageError(
                f"{spelling(name)} {before} as in the checkpoint",
                str(now),
                "leave it out to resume, or leave --resume out to start a new run",
            )
    return new


def check_resumable(
    state: Mapping[str, Any], recipe: Recipe, fingerprint: str, world_size: int
) -> None:
    """Raise UsageError when the run is finished, or was on other images or more devices."""
    stale = 0 < recipe.patience <= state["best"]["evaluations_since"]
    if state["epoch"] >= recipe.epochs or stale:
        why = "stopped early" if stale else f"has done all {recipe.epochs} epochs"
        raise UsageError("--resume of an unfinished run", f"one that {why}", "start a new run")
    if state["data_fingerprint"] != fingerprint:
        found = "other images or labels than the run started with"
        raise UsageError("--data of the checkpoint", found, "give the same data or start a new run")
    if state["world_size"] != world_size:
        expected = f"{state['world_size']} processes as in the checkpoint"
        raise UsageError(expected, str(world_size), "give --device as many GPUs as before")
