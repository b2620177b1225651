"""The sizes and the fit as one picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgedet.evaluation.figure import CLASS_COLOURS, INK, QUIET, new_figure, prepare, save
from edgedet.models.ssd_options import SsdOptions
from edgedet.scales.candidates import Candidate
from edgedet.scales.fitting import Fitting
from edgedet.scales.objects import Floats, Objects
from edgedet.scales.overlaps import Overlaps
from edgedet.scales.sizes import TINY_PX
from edgedet.scales.window import Window

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 36
NAME_LENGTH = 22
LEAST_OF_A_BIN = 5
"""Objects of a size bin without which its mean best IoU is noise, not shown."""


def write_chart(path: Path, fitting: Fitting, title: str = "") -> None:
    """Draw sizes with anchors and windows, aspect ratios, and best IoU by size (PNG, SVG, PDF)."""
    figure = new_figure(12.5, 8, title)
    grid = figure.add_gridspec(2, 2, height_ratios=(1.25, 1))
    edges = _size_edges(fitting)
    _draw_sizes(figure.add_subplot(grid[0, :]), fitting, edges)
    _draw_best_iou(figure.add_subplot(grid[1, 0]), fitting, edges)
    _draw_ratios(figure.add_subplot(grid[1, 1]), fitting)
    save(figure, path)


def _size_edges(fitting: Fitting) -> Floats:
    sides = np.concatenate([fitting.objects.sides, fitting.chosen.candidate.design.sides])
    edges: Floats = np.geomspace(sides.min() * 0.9, sides.max() * 1.1, BINS + 1)
    return edges


def _prepare(axes: Axes, title: str, y: str) -> None:
    prepare(axes, title, ylabel=y)
    axes.grid(visible=False, axis="x")


def _log_axis(axes: Axes, low: float, high: float) -> None:
    """A log axis with round numbers written out."""
    from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

    decades = range(-3, 5)
    ticks = [m * 10.0**d for d in decades for m in (1, 1.5, 2, 3, 4, 6, 8)]
    shown = [tick for tick in ticks if low <= tick <= high]
    if len(shown) < 2:
        ticks = list(MaxNLocator(4).tick_values(low, high))
        shown = [tick for tick in ticks if low <= tick <= high]
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator(shown))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([f"{tick:g}" for tick in shown])


def _draw_sizes(axes: Axes, fitting: Fitting, edges: Floats) -> None:
    objects = fitting.objects
    window = f"{fitting.request.window} times"
    title = f"Object sizes; anchors (dashed); bars: sizes of which a level sees {window} the side"
    _prepare(axes, title, "objects")
    names, groups = _classes(objects, objects.sides)
    colours = [*CLASS_COLOURS, QUIET][: len(groups)]
    axes.hist(groups, bins=edges.tolist(), stacked=True, color=colours, label=names, alpha=0.85)
    _log_axis(axes, edges[0], edges[-1])
    axes.set_xlabel(f"side, sqrt(w h), in px at {objects.imgsz} px", color=INK)
    top = axes.get_ylim()[1]
    _draw_levels(axes, fitting.chosen.candidate, top, fitting.request.window)
    if edges[0] < TINY_PX < edges[-1]:
        axes.axvline(TINY_PX, color="#B00020", linewidth=1.2, linestyle=(0, (2, 2)))
        text = f" {TINY_PX:g} px"
        axes.annotate(text, (TINY_PX, top * 0.98), color="#B00020", fontsize=8, va="top")
    if len(names) > 1:
        # Under the names of the levels.
        axes.legend(fontsize=9, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 0.6))


def _draw_levels(axes: Axes, candidate: Candidate, top: float, window: Window) -> None:
    """Above the histogram a bar a level, of the sizes whose window it meets, and its anchors."""
    levels = candidate.design.layout.levels
    step = top * 0.085
    axes.set_ylim(0, top + step * (len(levels) + 0.5))
    for place, (level, sides) in enumerate(zip(levels, candidate.design.anchors, strict=True)):
        y = top + step * (len(levels) - place - 0.4)
        ends = (level.field_px / window.high, level.field_px / window.low)
        axes.plot(ends, (y, y), color="#8FB8A8", linewidth=7, solid_capstyle="butt", zorder=2)
        axes.plot(sides, [y] * len(sides), "|", color=INK, markersize=11, markeredgewidth=2)
        axes.vlines(sides, 0, y, color=INK, linewidth=0.9, linestyle=(0, (4, 3)), alpha=0.7)
        text = f"{level.place}: sees {level.field_px:g} px, stride {level.stride}"
        axes.annotate(
            text,
            (1.008, y),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8.5,
            color=INK,
        )


def _draw_ratios(axes: Axes, fitting: Fitting) -> None:
    objects = fitting.objects
    _prepare(axes, "Aspect ratios and those of the anchors", "objects")
    ratios = objects.ratios
    low, high = np.percentile(ratios, (0.2, 99.8)) * (0.9, 1.1)
    low, high = min(low, 0.8), max(high, 1.25)
    _, groups = _classes(objects, ratios)
    colours = [*CLASS_COLOURS, QUIET][: len(groups)]
    axes.hist(groups, bins=np.geomspace(low, high, BINS + 1).tolist(), stacked=True, color=colours)
    _log_axis(axes, low, high)
    axes.set_xlabel("width / height at the input", color=INK)
    for ratio in fitting.chosen.candidate.design.ratios:
        axes.axvline(ratio, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))


def _draw_best_iou(axes: Axes, fitting: Fitting, edges: Floats) -> None:
    _prepare(axes, "Overlap with the best anchor by size, and its mean", "mean best IoU")
    overlaps = Overlaps(fitting.objects)
    boxes = overlaps.boxes_xyxy
    sides = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))
    best = fitting.chosen.candidate
    shown = {"chosen": best, "the paper's": fitting.published("paper")}
    shown["original attachment"] = fitting.published("original")
    for (name, candidate), colour in zip(shown.items(), (INK, "#D55E00", QUIET), strict=True):
        design = candidate.design
        ious = overlaps.best(design.sides, design.strides, design.ratios)
        x, y = _mean_by_size(sides, ious, edges)
        label = f"{candidate.mean_best_iou:.2f}  {name}"
        axes.plot(x, y, marker="o", markersize=3, color=colour, label=label, linewidth=1.8)
    axes.axhline(SsdOptions.positive_iou, color="#8A9099", linewidth=0.9, linestyle=(0, (4, 3)))
    axes.annotate(
        "ordinary positive",
        (edges[-1], SsdOptions.positive_iou + 0.005),
        fontsize=8,
        color="#8A9099",
        ha="right",
        va="bottom",
    )
    _log_axis(axes, edges[0], edges[-1])
    axes.set_ylim(0, 1)
    axes.set_xlabel("side in px", color=INK)
    # Above the curves: a mean best IoU over 0.9 would need an anchor for every object.
    axes.legend(fontsize=8.5, frameon=False, loc="upper left", ncols=len(shown))


def _mean_by_size(sides: Floats, ious: np.ndarray, edges: Floats) -> tuple[Floats, Floats]:
    place = np.digitize(sides, edges) - 1
    counts = np.bincount(place, minlength=BINS)[:BINS]
    sums = np.bincount(place, weights=ious, minlength=BINS)[:BINS]
    kept = counts >= LEAST_OF_A_BIN
    centres = np.sqrt(edges[1:] * edges[:-1])
    return centres[kept], sums[kept] / counts[kept]


def _classes(objects: Objects, values: Floats) -> tuple[list[str], list[Floats]]:
    """Return names and values of the most frequent classes, the others together."""
    order = np.argsort(-objects.per_class(), kind="stable")
    shown = [label for label in order[: len(CLASS_COLOURS)] if objects.per_class()[label]]
    names = [_short(objects.class_names[label]) for label in shown]
    groups = [values[objects.labels == label] for label in shown]
    others = ~np.isin(objects.labels, shown)
    if others.any():
        names, groups = [*names, "other classes"], [*groups, values[others]]
    return names, groups


def _short(name: str) -> str:
    short = name if len(name) <= NAME_LENGTH else name[: NAME_LENGTH - 1] + "…"
    # The legend leaves out what begins with an underscore.
    return short.replace("$", r"\$").replace("_", " _", 1 if short.startswith("_") else 0)
