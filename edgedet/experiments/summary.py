"""A comparison in numbers: each variant's seeds as means and deviations, beside the paper's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgedet.experiments.campaign import Entry
from edgedet.experiments.spread import Difference, Spread, difference, epochs_to_converge
from edgedet.experiments.study import Comparison, Fact
from edgedet.experiments.variant import Variant

PERCENT = 100.0
NOT_YET = "not run yet"


@dataclass(frozen=True)
class Row:
    """One variant of a comparison."""

    variant: Variant
    reason: str
    """Why there is no result, or not of every seed that was tried; "" where all is well."""
    seeds: tuple[int, ...]
    spreads: Mapping[str, Spread]
    """ap, ap50, ap75, at_cut.ap and so on, in percent; converged in epochs, seconds in s."""
    differences: Mapping[str, Difference | None]
    """By metric, from the reference, in percent; None for the reference itself."""
    printed: Mapping[str, float | None]
    """By metric, in percent, as the paper has it."""
    printed_deviations: Mapping[str, float | None]
    printed_bests: Mapping[str, float | None]
    facts: Mapping[str, str]
    """By title of the fact."""
    key: str | None
    curves: tuple[Sequence[tuple[float, float]], ...]
    """Of each seed: epoch and AP50 in percent, where it was evaluated."""


@dataclass(frozen=True)
class Summary:
    """A comparison with its numbers."""

    table: Comparison
    rows: tuple[Row, ...]

    @property
    def reference(self) -> Row:
        """The row that the others are compared with."""
        return next(row for row in self.rows if row.variant.name == self.table.reference)


Results = Mapping[int, Mapping[str, Any]]
"""Results by seed."""


def summarise(
    table: Comparison,
    entries: Mapping[str, Entry],
    results: Mapping[str, Results],
    failures: Mapping[str, str],
) -> Summary:
    """Return the numbers of `table`.

    entries: by variant name; results: by key; failures: by run, as `Outcome` has them.
    """
    spreads = {
        variant.name: _spreads(results.get(entries[variant.name].key or "", {}))
        for variant in table.variants
    }
    rows = []
    for variant in table.variants:
        entry = entries[variant.name]
        found = results.get(entry.key or "", {})
        reason = _reason(entry, found, failures)
        rows.append(_row(table, variant, entry, found, spreads, reason))
    return Summary(table, tuple(rows))


def _row(
    table: Comparison,
    variant: Variant,
    entry: Entry,
    found: Results,
    spreads: Mapping[str, Mapping[str, Spread]],
    reason: str,
) -> Row:
    ours, reference = spreads[variant.name], spreads[table.reference]
    compared = () if variant.name == table.reference else table.metrics
    return Row(
        variant=variant,
        reason=reason,
        seeds=tuple(found),
        spreads=ours,
        differences={m.key: difference(ours[m.key], reference[m.key]) for m in compared},
        printed={m.key: _printed(variant, m.printed) for m in table.metrics},
        printed_deviations={m.key: _printed(variant, m.printed_deviation) for m in table.metrics},
        printed_bests={m.key: _printed(variant, m.printed_best) for m in table.metrics},
        facts={fact.title: _fact(fact, variant, entry) for fact in table.facts},
        key=entry.key,
        curves=tuple(_curve(result) for result in found.values()),
    )


def _reason(entry: Entry, found: Results, failures: Mapping[str, str]) -> str:
    if entry.key is None:
        return f"not run: {entry.reason}"
    runs = {run.rpartition("/")[2]: run for run in failures if run.startswith(f"{entry.key}/")}
    if runs:
        errors = "; ".join(dict.fromkeys(failures[run] for run in runs.values()))
        # Seeds that fail are told: the mean of those that are left is of the lucky ones.
        return f"without {', '.join(runs)}: {errors}" if found else f"not run: {errors}"
    return "" if found else NOT_YET


def _fact(fact: Fact, variant: Variant, entry: Entry) -> str:
    ours = fact.of(entry.recipe) if entry.recipe else ""
    printed = _printed(variant, fact.printed)
    return f"{ours} (printed {printed:g})" if printed is not None else ours


def _printed(variant: Variant, column: str | None) -> float | None:
    if variant.printed is None or column is None:
        return None
    value = variant.printed.row()[column]
    return float(value) if isinstance(value, int | float) else None


def _curve(result: Mapping[str, Any]) -> list[tuple[float, float]]:
    return [(row["epoch"], PERCENT * row["ap50"]) for row in result["curve"] if "ap50" in row]


def _spreads(results: Results) -> dict[str, Spread]:
    """Each measure over the seeds that have it as a number."""
    seeds = list(results.values())
    best = [result["best"] for result in seeds]
    measures = ("ap", "ap50", "ap75")
    spreads = {key: _spread([scores[key] for scores in best], PERCENT) for key in measures}
    for key in measures:
        cut = [scores["at_cut"][key] for scores in best]
        spreads[f"at_cut.{key}"] = _spread(cut, PERCENT)
        spreads[f"last.{key}"] = _spread([r["last"].get(key) for r in seeds], PERCENT)
    converged = [epochs_to_converge(*_columns(_curve(result))) for result in seeds]
    spreads["converged"] = _spread(converged)
    spreads["train_seconds"] = _spread([result["train_seconds"] for result in seeds])
    return spreads


def _columns(curve: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [epoch for epoch, _ in curve], [value for _, value in curve]


def _spread(values: Sequence[float | None], factor: float = 1.0) -> Spread:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return Spread(tuple(factor * value for value in known))


def summary_json(summary: Summary) -> dict[str, Any]:
    """Return the summary as plain JSON types; what is no number is null."""
    table = summary.table
    return {
        "table": table.name,
        "title": table.title,
        "reference": table.reference,
        "footnotes": list(table.footnotes),
        "rows": [_row_json(row) for row in summary.rows],
    }


def _row_json(row: Row) -> dict[str, Any]:
    content = {
        "variant": row.variant.name,
        "title": row.variant.title,
        "model": row.variant.model,
        "note": row.variant.note,
        "run": row.key,
        "not_run": row.reason or None,
        "seeds": list(row.seeds),
        "printed": dict(row.printed),
        "printed_deviation": dict(row.printed_deviations),
        "printed_best": dict(row.printed_bests),
        "facts": dict(row.facts),
        "ours": {
            key: {"mean": s.mean, "deviation": s.deviation, "n": s.n, "values": list(s.values)}
            for key, s in row.spreads.items()
        },
        "difference": {k: asdict(d) if d else None for k, d in row.differences.items()},
        "curves": [list(map(list, curve)) for curve in row.curves],
    }
    plain: dict[str, Any] = _without_nan(content)
    return plain


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
