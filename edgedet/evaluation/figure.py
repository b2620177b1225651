"""The look of all pictures: colours, figures, axes, and how they are written."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from edgedet.runtime.atomic import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CLASS_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's colours: told apart by readers with any colour vision."""
QUIET = "#B8BDC4"
INK = "#2B2F36"
_GRID = "#ECEEF1"
_DPI = 130


def new_figure(width: float, height: float, title: str) -> Figure:
    """Return a figure without pyplot: no global state, no window system. Sizes in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(literal(title), fontsize=12, color=INK, x=0.01, ha="left")
    return figure


def prepare(axes: Axes, title: str, **labels: str) -> None:
    """Give axes title, labels (`xlabel`, `ylabel`), grid and colours."""
    axes.set_title(literal(title), fontsize=10.5, color=INK, loc="left")
    axes.set(**labels)
    for side in (axes.xaxis, axes.yaxis):
        side.label.set_color(INK)
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, length=0)
    for name in ("top", "right"):
        axes.spines[name].set_visible(False)
    for name in ("left", "bottom"):
        axes.spines[name].set_color(QUIET)


def save(figure: Figure, path: Path) -> None:
    """Write a figure (PNG, SVG or PDF by the suffix)."""
    with atomic_path(path) as temporary, warnings.catch_warnings():
        # Names in a script that the font lacks are boxes: nothing the user could mend.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(temporary, dpi=_DPI)


def literal(text: str) -> str:
    """Return text that matplotlib does not take for mathematics."""
    return text.replace("$", r"\$")
