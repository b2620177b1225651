"""The tensors that lose most, as a picture: what they hold, and where each method clips them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgedet.calibration.affine import INT8_MAX
from edgedet.calibration.statistics import BINS
from edgedet.evaluation.figure import CLASS_COLOURS, INK, QUIET, literal, new_figure, prepare, save

from .pictures import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from edgedet.calibration.statistics import Statistics

    from .report import Int8Report
    from .tensor_losses import TensorLoss

SHOWN = 6
SHOWN_BINS = 128
"""Of a whole histogram: wide enough that the steps of pixels leave no comb."""
_COLUMNS = 3
_METHOD_COLOURS = dict(
    zip(("minmax", "entropy", "percentile", "mse"), CLASS_COLOURS[:4], strict=True)
)
_METHOD_LINES = {"minmax": "-", "entropy": "--", "percentile": "-.", "mse": ":"}


def write_histograms(path: Path, report: Int8Report, statistics: Statistics) -> None:
    """Draw the worst tensors to `path`. Needs no display."""
    losses = report.tensors[:SHOWN]
    rows = max(1, -(-len(losses) // _COLUMNS))
    title = f"Sizes of the values of the tensors that INT8 holds worst (ranges by {report.method})"
    figure = new_figure(13, 3.3 * rows + 0.9, title)
    grid = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    names = shortened([loss.reader for loss in report.tensors])
    for axes, loss, name in zip(grid, losses, names, strict=False):
        _draw(axes, loss, name, (statistics, report.method))
    for axes in grid[len(losses) :]:
        axes.set_visible(False)
    if losses:
        handles, labels = grid[0].get_legend_handles_labels()
        style: dict[str, Any] = {"ncols": len(labels), "frameon": False, "fontsize": 9}
        figure.legend(handles, labels, loc="outside lower left", **style)
    save(figure, path)


def _draw(axes: Axes, loss: TensorLoss, reader: str, made: tuple[Statistics, str]) -> None:
    statistics, chosen = made
    row = statistics.names.index(loss.tensor)
    counts, width = statistics.counts[row], float(statistics.bin_width[row])
    clip = loss.clips[chosen]
    prepare(axes, "", xlabel="|x|", ylabel="values in a bin")
    shown = counts.reshape(SHOWN_BINS, -1).sum(axis=1)
    used = int(np.flatnonzero(shown)[-1]) + 1
    edges = np.arange(used + 1) * (width * BINS / SHOWN_BINS)
    axes.stairs(shown[:used], edges, fill=True, color=QUIET)
    right = 1.04 * max(edges[-1], *loss.clips.values())
    axes.set(yscale="log", xlim=(0, right), ylim=(0.7, 6 * float(shown.max())))
    shade: dict[str, Any] = {"alpha": 0.13, "linewidth": 0, "color": CLASS_COLOURS[1]}
    axes.axvspan(clip, right, label=f"clipped by {chosen}", **shade)
    for method, value in loss.clips.items():
        style: dict[str, Any] = {"linewidth": 1.5, "linestyle": _METHOD_LINES[method]}
        label = method
        if method == chosen:
            style, label = {"linewidth": 3, "zorder": 1.9}, f"{method} (chosen)"
        axes.axvline(value, color=_METHOD_COLOURS[method], label=label, **style)
    zeroed, clipped = _shares(counts, width, clip)
    if clip >= statistics.amax[row]:  # also where all values of the last bin are the largest one
        clipped = 0.0
    told = f"{loss.snr_db:.1f} dB, {zeroed:.1%} become 0, {clipped:.2%} clipped"
    axes.set_title(literal(f"read by {reader}\n{told}"), fontsize=9, color=INK, loc="left")


def _shares(counts: NDArray[np.int64], width: float, clip: float) -> tuple[float, float]:
    """Return how much of the values is rounded to 0, and how much is clipped; whole bins count."""
    ends = np.arange(1, BINS + 1) * width
    small = counts[ends <= clip / INT8_MAX / 2].sum()
    large = counts[ends - width >= clip].sum()
    return float(small / counts.sum()), float(large / counts.sum())
