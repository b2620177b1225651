"""The tables of a study on disk: Markdown, JSON and pictures, made from what is finished."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgedet.experiments.comparison_sheet import comparison_sheet
from edgedet.experiments.conditions import conditions
from edgedet.experiments.plots import curves_svg, dots_svg
from edgedet.experiments.scene import Scene
from edgedet.experiments.sheet import Sheet, markdown
from edgedet.experiments.store import write_json
from edgedet.experiments.study import Comparison, Computed, Study
from edgedet.experiments.summary import Summary, summarise, summary_json
from edgedet.runtime.atomic import atomic_path


def write_tables(
    scene: Scene, study: Study, tables: Sequence[Comparison | Computed]
) -> tuple[Sheet, ...]:
    """Write each table into the store's folder as `<name>.md`, `<name>.json` and SVGs."""
    return tuple(
        _write_comparison(scene, study, table)
        if isinstance(table, Comparison)
        else _write_computed(scene, table)
        for table in tables
    )


def _write_comparison(scene: Scene, study: Study, table: Comparison) -> Sheet:
    root = scene.bench.store.root
    keys = {scene.entries[variant.name].key for variant in table.variants} - {None}
    results = {key: scene.bench.store.results(key) for key in keys if key}
    summary = summarise(table, scene.entries, results, scene.outcome.failures)
    sheet = comparison_sheet(summary, _write_pictures(root, summary))
    write_json(root / f"{table.name}.json", summary_json(summary))
    recipes = [recipe for v in table.variants if (recipe := scene.entries[v.name].recipe)]
    runs = [result for found in results.values() for result in found.values()]
    common = [*study.footnotes, conditions(recipes, runs, scene.bench.labelled)]
    lines = "\n".join(f"- {note}" for note in common)
    _write_text(root / f"{table.name}.md", f"{markdown(sheet)}\n{lines}\n")
    return sheet


def _write_computed(scene: Scene, table: Computed) -> Sheet:
    root = scene.bench.store.root
    sheet = table.make(scene)
    write_json(root / f"{table.name}.json", sheet.as_json())
    _write_text(root / f"{table.name}.md", markdown(sheet))
    return sheet


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
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
