"""A comparison as a table of text."""

from __future__ import annotations

import math

from edgedet.experiments.sheet import Sheet
from edgedet.experiments.spread import CONVERGED_SHARE, Difference, Spread
from edgedet.experiments.study import Metric
from edgedet.experiments.summary import Row, Summary

NOTHING = "–"


def comparison_sheet(summary: Summary, pictures: tuple[str, ...] = ()) -> Sheet:
    """Return the table: a line a variant, the paper's values beside ours."""
    table = summary.table
    reference = summary.reference.variant.title
    printed = [metric for metric in table.metrics if metric.printed]
    columns = (
        "variant",
        *(f"{metric.title}, printed" for metric in printed),
        *(f"{metric.title}, ours" for metric in table.metrics),
        "AP50 above score 0.3",
        "seeds",
        *(f"{metric.title} against {reference}" for metric in table.metrics),
        f"epochs to {CONVERGED_SHARE:.0%} of the last AP50",
        "training",
    )
    rows = tuple(_row(summary, row, printed) for row in summary.rows)
    return Sheet(table.name, table.title, columns, rows, _footnotes(summary), pictures)


def _row(summary: Summary, row: Row, printed: list[Metric]) -> tuple[str, ...]:
    metrics = summary.table.metrics
    title = row.variant.title if not row.reason else f"{row.variant.title} ({row.reason})"
    own = row is summary.reference
    return (
        title,
        *(_printed(row, metric) for metric in printed),
        *(spread_text(row.spreads[metric.key]) for metric in metrics),
        spread_text(row.spreads["at_cut.ap50"]),
        str(len(row.seeds)),
        *(NOTHING if own else difference_text(row.differences[m.key]) for m in metrics),
        spread_text(row.spreads["converged"], decimals=0),
        _minutes(row.spreads["train_seconds"]),
    )


def _printed(row: Row, metric: Metric) -> str:
    value, deviation = row.printed[metric.key], row.printed_deviations[metric.key]
    if value is None:
        return NOTHING
    return f"{value:g}" if deviation is None else f"{value:g} ± {deviation:g}"


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
    return f"{seconds.mean / 60:.1f} min" if seconds.n else NOTHING


def _footnotes(summary: Summary) -> tuple[str, ...]:
    notes = [f"{row.variant.title}: {row.variant.note}" for row in summary.rows if row.variant.note]
    return (*summary.table.footnotes, *notes)
