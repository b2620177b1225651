"""One `edgedet reproduce`: from a study and a data set to trained runs, tables and pictures."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgedet.data.shapes import resolve_data
from edgedet.data.shapes_options import is_shapes
from edgedet.experiments.budget import Budget
from edgedet.experiments.campaign import Entry, Outcome, resolve_entry, run_campaign, trials_of
from edgedet.experiments.comparison_sheet import comparison_sheet
from edgedet.experiments.plots import curves_svg, dots_svg
from edgedet.experiments.recipes import read_base, variant_recipe
from edgedet.experiments.sheet import Sheet, markdown
from edgedet.experiments.store import Store, write_json
from edgedet.experiments.studies import study_named
from edgedet.experiments.study import Comparison, Study, chosen_variants
from edgedet.experiments.summary import Summary, summarise, summary_json
from edgedet.experiments.trial import Bench
from edgedet.experiments.variant import Subject, Variant
from edgedet.runtime.atomic import atomic_path
from edgedet.runtime.errors import UsageError
from edgedet.training.labelled import open_labelled

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """What the command line asked for."""

    study: str
    flags: Mapping[str, Any]
    """Fields of the recipe that were given as flags."""
    recipe_file: Path | None = None
    tables: tuple[str, ...] = ()
    """Names; () = all of the study."""
    variants: tuple[str, ...] = ()
    """Names; () = all of the tables."""
    seeds: int = 3
    minutes: float | None = None
    device: str = "auto"
    out: Path | None = None
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
    tables: tuple[Comparison, ...]
    variants: tuple[Variant, ...]
    bench: Bench
    entries: dict[str, Entry] = field(default_factory=dict)


def reproduce_study(request: Request) -> Reproduction:
    """Train what is missing, within the budget, and write the tables from what is finished.

    Raises UsageError for an unknown study, table or variant, and what `open_labelled` raises; a
    training that fails is told in its row. Raises Interrupted, tables written, after Ctrl-C.
    """
    plan = _plan(request)
    outcome = Outcome()
    try:
        if request.train:
            titles = {variant.name: variant.title for variant in plan.variants}
            wanted = {v.name: plan.entries[v.name] for v in plan.variants}
            trials = trials_of(wanted, titles, request.seeds)
            outcome = run_campaign(plan.bench, trials, Budget.of_minutes(request.minutes))
    finally:
        sheets = write_tables(plan.bench.store, plan.study, plan.tables, plan.entries, outcome)
    return Reproduction(plan.bench.store.root, sheets, outcome)


def _plan(request: Request) -> _Plan:
    study = study_named(request.study)
    tables = study.choose(request.tables)
    variants = chosen_variants(tables, request.variants)
    base = read_base(request.recipe_file, request.flags, study.model)
    if not base.get("data"):
        raise UsageError("labelled images", "no --data", "give --data PATH")
    store = Store(request.out or Path("runs") / "reproduce" / study.name)
    if is_shapes(base["data"]):
        base["data"] = str(resolve_data(base["data"], store.root).resolve())
    recipe = variant_recipe(base, study.model, {})
    labelled = open_labelled(recipe.data, recipe.bbox_mode)
    subject = Subject(labelled, recipe.imgsz)
    every = {variant.name: variant for table in tables for variant in table.variants}
    entries = {
        name: resolve_entry(variant, base, subject, store) for name, variant in every.items()
    }
    return _Plan(study, tables, variants, Bench(store, labelled, request.device), entries)


def write_tables(
    store: Store,
    study: Study,
    tables: Sequence[Comparison],
    entries: Mapping[str, Entry],
    outcome: Outcome,
) -> tuple[Sheet, ...]:
    """Write each table as Markdown, JSON and pictures into the store, and return it as text."""
    keys = {entry.key for entry in entries.values() if entry.key}
    results = {key: store.results(key) for key in keys}
    sheets = []
    for table in tables:
        summary = summarise(table, entries, results, outcome.failures)
        pictures = _write_pictures(store.root, summary)
        sheet = comparison_sheet(summary, pictures)
        write_json(store.root / f"{table.name}.json", summary_json(summary))
        _write_text(store.root / f"{table.name}.md", markdown(sheet) + _common(study))
        sheets.append(sheet)
    return tuple(sheets)


def _common(study: Study) -> str:
    return "\n" + "\n".join(f"- {note}" for note in study.footnotes) + "\n"


def _write_pictures(root: Path, summary: Summary) -> tuple[str, ...]:
    if not any(row.seeds for row in summary.rows):
        return ()
    name = summary.table.name
    pictures = {f"{name}_curves.svg": curves_svg, f"{name}_dots.svg": dots_svg}
    for file, draw in pictures.items():
        with atomic_path(root / file) as temporary:
            temporary.write_bytes(draw(summary))
    return tuple(pictures)


def _write_text(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
