"""How a training went, as a picture."""

from __future__ import annotations

import csv
import io
from itertools import cycle
from pathlib import Path

LOSS_COLOURS = ("#0072B2", "#56B4E9", "#009E73", "#CC79A7")
AP_COLOURS = {"ap50": "#D55E00", "ap": "#E69F00"}
TERM = "loss_"
"""What the columns of the loss terms begin with."""


def training_chart(folder: Path) -> bytes:
    """Return an SVG of the losses and the validation AP of each epoch in `results.csv`.

    Needs no display.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    rows = _columns(folder / "results.csv")
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    FigureCanvasSVG(figure)
    losses, quality = figure.subplots(1, 2)
    terms = [name for name in rows if name.startswith(TERM)]
    for name, colour in zip(terms, cycle(LOSS_COLOURS), strict=False):
        label = name.removeprefix(TERM)
        losses.plot(*_known(rows, name), color=colour, marker="o", ms=3, label=label)
    for name, colour in AP_COLOURS.items():
        quality.plot(*_known(rows, name), color=colour, marker="o", ms=3, label=name.upper())
    losses.set(title="loss terms (training)", xlabel="epoch", ylim=(0, None))
    quality.set(title="average precision (validation)", xlabel="epoch", ylim=(0, 1.02))
    for axes in (losses, quality):
        axes.legend(frameon=False)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.get_major_locator().set_params(integer=True)
    content = io.BytesIO()
    figure.savefig(content, format="svg")
    return content.getvalue()


def _columns(path: Path) -> dict[str, list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def _known(columns: dict[str, list[str]], name: str) -> tuple[list[float], list[float]]:
    """Return epochs and values where the column has one: not every epoch is evaluated."""
    cells = zip(columns["epoch"], columns[name], strict=True)
    pairs = [(float(epoch), float(value)) for epoch, value in cells if value]
    return [epoch for epoch, _ in pairs], [value for _, value in pairs]
