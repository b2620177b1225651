"""All trainings of a study, one after the other: what is finished or held elsewhere is left."""

from __future__ import annotations

import gc
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from edgedet.experiments.budget import Budget
from edgedet.experiments.key import run_key
from edgedet.experiments.recipes import variant_recipe
from edgedet.experiments.store import Store
from edgedet.experiments.trial import Bench, Trial, run_trial
from edgedet.experiments.variant import NotRunError, Subject, Variant
from edgedet.recipe import Recipe
from edgedet.recipe_file import as_plain
from edgedet.runtime.errors import DeviceError, EdgedetError
from edgedet.training.interruption import Interrupted

log = logging.getLogger(__name__)


class Entry(NamedTuple):
    """What became of a variant on this data."""

    key: str | None
    """Of its run; None when it cannot be run."""
    recipe: Recipe | None
    reason: str = ""
    """Why it cannot be run."""


@dataclass
class Outcome:
    """What one invocation did."""

    trained: int = 0
    already: int = 0
    """Finished before."""
    held: int = 0
    """Left to other processes that work on them."""
    left: int = 0
    """Not begun, or not ended, because the time was up."""
    failures: dict[str, str] = field(default_factory=dict)
    """Run, `<key>/seed-<n>` as its folder, to the error that ended it."""
    exit_code: int = 0
    """Of the last failure; 0 without one."""


def resolve_entry(
    variant: Variant, base: Mapping[str, object], subject: Subject, store: Store
) -> Entry:
    """Return the variant's recipe and key; the reason instead when it makes no sense here."""
    try:
        changes = _changes(variant, subject, store)
        recipe = variant_recipe(base, variant.model, changes)
        return Entry(run_key(recipe, subject.labelled.fingerprint()), recipe)
    except (NotRunError, EdgedetError) as reason:
        return Entry(None, None, str(reason))


def _changes(variant: Variant, subject: Subject, store: Store) -> dict[str, object]:
    if not variant.recorded:
        return variant.changes_for(subject)
    words = (variant.name, subject.imgsz, *subject.fixed.values())
    name = "-".join(map(str, (*words, subject.labelled.fingerprint()[:8])))
    kept = store.recorded(name)
    if kept is None:
        kept = as_plain(variant.changes_for(subject))
        store.record(name, kept)
    return kept


def trials_of(wanted: Sequence[tuple[Variant, Entry]], seeds: int) -> list[Trial]:
    """Return every training once, all variants of a seed before the next seed.

    So a budget that ends early leaves a table with few seeds, not one with few rows.
    """
    trials: dict[tuple[str, int], Trial] = {}
    for seed in range(seeds):
        for variant, (key, recipe, _) in wanted:
            if key is not None and recipe is not None:
                trials.setdefault((key, seed), Trial(key, recipe, seed, variant.title))
    return list(trials.values())


def run_campaign(bench: Bench, trials: Sequence[Trial], budget: Budget, outcome: Outcome) -> None:
    """Run what is not finished, and count in `outcome`, which holds when it ends with an error.

    Raises Interrupted when the user asked to stop. Another error that the user can mend ends
    one training, not the others.
    """
    for number, trial in enumerate(trials, start=1):
        if bench.store.is_finished(trial.key, trial.seed):
            outcome.already += 1
        elif budget.spent:
            outcome.left += 1
        else:
            log.info("run %d of %d: %s, seed %d", number, len(trials), trial.title, trial.seed)
            _attempt(bench, trial, budget, outcome)


def _attempt(bench: Bench, trial: Trial, budget: Budget, outcome: Outcome) -> None:
    with bench.store.claim(trial.key, trial.seed) as held:
        if not held:
            log.info("another process works on it")
            outcome.held += 1
        elif bench.store.is_finished(trial.key, trial.seed):  # by another process, meanwhile
            outcome.already += 1
        else:
            _run(bench, trial, budget, outcome)


def _run(bench: Bench, trial: Trial, budget: Budget, outcome: Outcome) -> None:
    try:
        run_trial(bench, trial, budget.until)
        outcome.trained += 1
    except Interrupted:
        if not budget.spent:
            raise
        outcome.left += 1
        log.info("the time is up; the run is saved and goes on next time")
    except (EdgedetError, torch.OutOfMemoryError) as error:
        run = bench.store.run(trial.key, trial.seed)
        outcome.failures[f"{trial.key}/{run.name}"] = " ".join(str(error).split())
        outcome.exit_code = getattr(error, "exit_code", DeviceError.exit_code)  # out of memory: 5
        log.warning("not run: %s, seed %d: %s", trial.title, trial.seed, error)
    finally:
        gc.collect()  # the model and the cached images of this run, before the next one's
