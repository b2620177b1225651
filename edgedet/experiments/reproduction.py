"""One `edgedet reproduce`: from a study and a data set to trained runs, tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgedet.data.shapes import resolve_data
from edgedet.data.shapes_options import is_shapes
from edgedet.experiments.budget import Budget
from edgedet.experiments.campaign import Entry, Outcome, resolve_entry, run_campaign, trials_of
from edgedet.experiments.recipes import read_base, variant_recipe
from edgedet.experiments.scene import Scene
from edgedet.experiments.sheet import Sheet
from edgedet.experiments.store import Store
from edgedet.experiments.studies import study_named
from edgedet.experiments.study import Comparison, Computed, Study, trained_variants
from edgedet.experiments.tables import write_tables
from edgedet.experiments.trial import Bench, check_defaults_as_then
from edgedet.experiments.variant import Subject, Variant
from edgedet.runtime.errors import UsageError
from edgedet.training.devices import open_fabric
from edgedet.training.labelled import open_labelled


@dataclass(frozen=True)
class Request:
    """What the command line asked for."""

    study: str
    flags: Mapping[str, Any]
    """Fields of the recipe that were given as flags."""
    recipe_file: Path | None = None
    tables: tuple[str, ...] = ()
    """Names; () = the study's usual ones."""
    variants: tuple[str, ...] = ()
    """Names of what is trained; () = all of the tables. The other rows show what is finished."""
    seeds: int = 3
    minutes: float | None = None
    device: str = "auto"
    out: Path | None = None
    pretrained: Path | None = None
    train: bool = True
    """False rebuilds the tables from what is finished."""


@dataclass(frozen=True)
class Reproduction:
    """What an invocation leaves."""

    folder: Path
    sheets: tuple[Sheet, ...]
    outcome: Outcome


@dataclass(frozen=True)
class _Plan:
    """The request, looked up."""

    study: Study
    tables: tuple[Comparison | Computed, ...]
    trained: tuple[Variant, ...]
    bench: Bench
    entries: Mapping[str, Entry]


def reproduce_study(request: Request) -> Reproduction:
    """Train what is missing, within the budget, and write the tables from what is finished.

    Raises UsageError for an unknown study, table or variant, and what `open_labelled` raises; a
    training that fails is told in its row. Raises Interrupted, tables written, after Ctrl-C.
    """
    plan = _plan(request)
    outcome = Outcome()
    ended = False
    try:
        if request.train:
            wanted = [(variant, plan.entries[variant.name]) for variant in plan.trained]
            budget = Budget.of_minutes(request.minutes)
            run_campaign(plan.bench, trials_of(wanted, request.seeds), budget, outcome)
        ended = True
    finally:
        scene = Scene(plan.bench, plan.entries, outcome, measuring=request.train and ended)
        sheets = write_tables(scene, plan.study, plan.tables)
    return Reproduction(plan.bench.store.root, sheets, outcome)


def _plan(request: Request) -> _Plan:
    study = study_named(request.study)
    tables = study.choose(request.tables)
    trained = trained_variants(tables, request.variants)
    store = Store(request.out or Path("runs") / "reproduce" / study.name)
    base = _base(request, study, store)
    recipe = variant_recipe(base, study.model, {})
    # A device that is not there is told now. `auto` may be another one next time: not that name.
    device = str(open_fabric(request.device, recipe.precision).device)
    bench = Bench(store, open_labelled(recipe.data, recipe.bbox_mode), device)
    subject = Subject(
        labelled=bench.labelled,
        imgsz=recipe.imgsz,
        weights=recipe.weights,
        pretrained=request.pretrained,
        folder=store.root / "pretrained",
        options=recipe.model_options,
    )
    every = {variant.name: variant for table in tables for variant in table.variants}
    entries = {name: resolve_entry(v, base, subject, store) for name, v in every.items()}
    for key, made in {entry.key: entry.recipe for entry in entries.values()}.items():
        for result in store.results(key or "").values():
            assert made is not None
            check_defaults_as_then(result, made, bench.labelled)
    return _Plan(study, tables, trained, bench, entries)


def _base(request: Request, study: Study, store: Store) -> dict[str, Any]:
    base = read_base(request.recipe_file, request.flags, study.model)
    if not base.get("data"):
        raise UsageError("labelled images", "no --data", "give --data PATH")
    if is_shapes(base["data"]):  # once for all runs, and not in the folder of one of them
        base["data"] = str(resolve_data(base["data"], store.root).resolve())
    return base
