"""A comparison as pictures: how fast each variant learns, and where it ends beside the paper."""

from __future__ import annotations

import io
import math
from itertools import cycle
from typing import Any

import numpy as np

from edgedet.experiments.summary import Row, Summary

# Okabe and Ito's colours, which most colour-blind people can tell apart, and a dash for each:
# lines are told apart in print too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")
PRINTED_COLOUR = "#777777"
BAND_ALPHA = 0.15
HASH_SALT = "edgedet"
"""From which the names inside an SVG follow."""


def curves_svg(summary: Summary) -> bytes:
    """Return an SVG of AP50 by epoch: the mean of the seeds, and their range as a band."""
    figure = _figure((8.5, 5.2))
    axes = figure.subplots()
    for row, colour, dash in zip(summary.rows, cycle(COLOURS), cycle(DASHES), strict=False):
        if row.curves:
            _curve(axes, row, colour, dash)
    axes.set(title=summary.table.title, xlabel="epoch", ylabel="AP50 (validation), %")
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.xaxis.get_major_locator().set_params(integer=True)
    _tidy(axes)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return _svg(figure)


def _curve(axes: Any, row: Row, colour: str, dash: str) -> None:
    epochs = sorted(set.intersection(*({epoch for epoch, _ in curve} for curve in row.curves)))
    values = np.array([[dict(curve)[epoch] for epoch in epochs] for curve in row.curves])
    label = f"{row.variant.title} (n = {len(row.curves)})"
    axes.plot(epochs, values.mean(0), color=colour, ls=dash, lw=1.8, marker="o", ms=3, label=label)
    axes.fill_between(epochs, values.min(0), values.max(0), color=colour, alpha=BAND_ALPHA, lw=0)


def dots_svg(summary: Summary) -> bytes:
    """Return an SVG of each metric by variant: mean and deviation, every seed, the paper's."""
    metrics = summary.table.metrics
    rows = [row for row in summary.rows if row.seeds or any(_known(row.printed.values()))]
    figure = _figure((4.4 * len(metrics) + 1.5, 0.42 * len(rows) + 1.8))
    for axes, metric in zip(
        figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0], metrics, strict=True
    ):
        for place, row in enumerate(rows):
            _dot(axes, row, metric.key, place)
        axes.set(title=metric.title, xlabel="%")
        axes.set_yticks(range(len(rows)), [row.variant.title for row in rows], fontsize=8)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.margins(x=0.08)
        _tidy(axes)
    pairs = zip(*axes.get_legend_handles_labels(), strict=True)
    once = {label: handle for handle, label in pairs}
    figure.legend(
        once.values(), once, loc="outside lower center", ncols=2, frameon=False, fontsize=8
    )
    return _svg(figure)


def _dot(axes: Any, row: Row, metric: str, place: int) -> None:
    spread = row.spreads[metric]
    if spread.n:
        deviation = 0.0 if math.isnan(spread.deviation) else spread.deviation
        axes.plot(spread.values, [place] * spread.n, "|", color=COLOURS[0], alpha=0.5, ms=9)
        axes.errorbar(
            spread.mean,
            place,
            xerr=deviation,
            fmt="o",
            ms=6,
            color=COLOURS[0],
            capsize=3,
            label="ours, mean ± deviation",
        )
    printed = row.printed[metric]
    if printed is not None:
        axes.errorbar(
            printed,
            place + 0.18,
            xerr=row.printed_deviations[metric] or 0.0,
            fmt="D",
            ms=5,
            color=PRINTED_COLOUR,
            mfc="none",
            capsize=3,
            label="printed (the paper's data)",
        )


def _known(values: Any) -> list[float]:
    return [value for value in values if value is not None]


def _figure(size: tuple[float, float]) -> Any:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasSVG(figure)
    return figure


def _tidy(axes: Any) -> None:
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _svg(figure: Any) -> bytes:
    from matplotlib import rc_context

    content = io.BytesIO()
    # No date and no drawn names: a table that is rebuilt from the same results is the same file.
    with rc_context({"svg.hashsalt": HASH_SALT}):
        figure.savefig(content, format="svg", metadata={"Date": None})
    return content.getvalue()
