"""A comparison as a table of text."""

from __future__ import annotations

import math

from edgedet.experiments.sheet import NOTHING, Sheet
from edgedet.experiments.spread import (
    BETTER,
    CONVERGED_SHARE,
    INSIDE,
    WORSE,
    Difference,
    Spread,
)
from edgedet.experiments.study import Metric
from edgedet.experiments.summary import Row, Summary

AT_CUT, CONVERGED, MINUTES = "AP50 > .3", f"{CONVERGED_SHARE:.0%} at", "minutes"
DISPENSABLE = (MINUTES, AT_CUT, CONVERGED, "Δ mAP", "mAP, printed")


def comparison_sheet(summary: Summary, pictures: tuple[str, ...] = ()) -> Sheet:
    """Return the table: a line a variant, the paper's values beside ours."""
    table = summary.table
    metrics = table.metrics
    columns = (
        "variant",
        *(fact.title for fact in table.facts),
        *(f"{metric.title}, printed" for metric in metrics if metric.printed),
        *(metric.title for metric in metrics),
        AT_CUT,
        "seeds",
        *(f"Δ {metric.title}" for metric in metrics),
        CONVERGED,
        MINUTES,
    )
    rows = tuple(_cells(summary, row) for row in summary.rows)
    dispensable = tuple(name for name in DISPENSABLE if name in columns)
    return Sheet(table.name, table.title, columns, rows, _footnotes(summary), pictures, dispensable)


def _cells(summary: Summary, row: Row) -> tuple[str, ...]:
    metrics = summary.table.metrics
    own = row is summary.reference
    return (
        row.variant.title,
        *(text or NOTHING for text in row.facts.values()),
        *(_printed(row, metric) for metric in metrics if metric.printed),
        *(_ours(row, metric) for metric in metrics),
        spread_text(row.spreads["at_cut.ap50"]),
        str(len(row.seeds)) if row.seeds else "not run",
        *("reference" if own else difference_text(row.differences[m.key]) for m in metrics),
        spread_text(row.spreads["converged"], decimals=0),
        _minutes(row.spreads["train_seconds"]),
    )


def _printed(row: Row, metric: Metric) -> str:
    value, deviation = row.printed[metric.key], row.printed_deviations[metric.key]
    if value is None:
        return NOTHING
    best = row.printed_bests[metric.key]
    spread = f"{value:g}" if deviation is None else f"{value:g} ± {deviation:g}"
    return spread if best is None else f"{spread}, best {best:g}"


def _ours(row: Row, metric: Metric) -> str:
    spread = row.spreads[metric.key]
    text = spread_text(spread)
    wanted = metric.printed_best and spread.n
    return f"{text}, best {max(spread.values):.1f}" if wanted else text


def spread_text(spread: Spread, decimals: int = 1) -> str:
    """Return mean and deviation, the mean alone for one seed, a dash for none."""
    if not spread.n:
        return NOTHING
    if math.isnan(spread.deviation):
        return f"{spread.mean:.{decimals}f}"
    return f"{spread.mean:.{decimals}f} ± {spread.deviation:.{decimals}f}"


def difference_text(found: Difference | None) -> str:
    """Return the difference with its sign, and in words what it is worth."""
    return NOTHING if found is None else f"{found.value:+.1f}, {found.verdict}"


def _minutes(seconds: Spread) -> str:
    return f"{seconds.mean / 60:.1f}" if seconds.n else NOTHING


def _footnotes(summary: Summary) -> tuple[str, ...]:
    legend = (
        f"Δ: against {summary.reference.variant.title}. {AT_CUT}: of detections above that "
        f"score, the cut of the paper's code. {CONVERGED}: first evaluated epoch "
        f"with that share of the last epoch's AP50. {MINUTES}: of training, without evaluation.",
        f"`{INSIDE}`: the difference is not larger than the pooled sample deviation of the two "
        f"rows. `{BETTER}`, `{WORSE}`: it is larger, which is no proof: with three seeds chance "
        "alone does that in 3 of 10 comparisons, with five in 3 of 20.",
    )
    notes = [f"{row.variant.title}: {row.variant.note}" for row in summary.rows if row.variant.note]
    return (*legend, *_reasons(summary), *notes, *summary.table.footnotes)


def _reasons(summary: Summary) -> list[str]:
    """One line for each reason, with the rows that it keeps empty."""
    titles: dict[str, list[str]] = {}
    for row in summary.rows:
        if row.reason:
            titles.setdefault(row.reason, []).append(row.variant.title)
    return [f"{reason}: {'; '.join(names)}" for reason, names in titles.items()]
