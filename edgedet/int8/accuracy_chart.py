"""What INT8 costs, as a picture: AP by size, and the trade-off of layers in float."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgedet.evaluation.figure import CLASS_COLOURS, INK, QUIET, new_figure, prepare, save

from .accuracy import Accuracy, points_lost
from .pictures import FORM_COLOURS, FORM_NAMES, legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .report import Int8Report

_BOUND = CLASS_COLOURS[1]
_COUNTS = "layers in float"
_WIDTH = 0.8
"""Of a group of bars."""


def write_accuracy_chart(path: Path, report: Int8Report) -> None:
    """Draw to `path` (PNG, SVG or PDF by its suffix). Needs no display."""
    verdict = "passed" if report.passed else "REFUSED"
    figure = new_figure(13, 5, f"INT8 of {report.request.model.name}: {verdict}")
    grid = figure.add_gridspec(1, 2, width_ratios=(3, 2))
    left, right = figure.add_subfigure(grid[0]), figure.add_subfigure(grid[1])
    _draw_sizes(left.subplots(), report)
    if any(form.form == "cpu" for form in report.forms):
        lost, speed = right.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        _draw_speed(speed, report)
    else:
        lost = right.subplots()
        lost.set_xlabel(_COUNTS)
    _draw_loss(lost, report)
    save(figure, path)


def _draw_sizes(axes: Axes, report: Int8Report) -> None:
    gate = report.gate
    prepare(axes, "AP: all objects, and by their size", ylabel="points of AP")
    names = [name for name, count in gate.objects.items() if count]
    axes.set_xticks(range(len(names) + 1), ["all", *(_counted(name, report) for name in names)])
    axes.grid(visible=False, axis="x")
    columns: list[tuple[str, str, Accuracy]] = [
        ("FP32", INK, gate.reference),
        ("FP16", QUIET, report.half),
    ]
    columns += [(FORM_NAMES[f.form], FORM_COLOURS[f.form], f.accuracy) for f in report.forms]
    width = _WIDTH / len(columns)
    for place, (label, colour, accuracy) in enumerate(columns):
        heights = [100 * accuracy.ap, *(100 * accuracy.per_bucket[name] for name in names)]
        at = [index - _WIDTH / 2 + (place + 0.5) * width for index in range(len(heights))]
        bars = axes.bar(at, heights, 0.92 * width, color=colour, label=label)
        labels = [f"{height:.1f}" for height in heights]
        axes.bar_label(bars, labels, fontsize=8, color=INK, padding=2)
    legend(axes, loc="upper left", ncols=len(columns), bbox_to_anchor=(0, -0.1))


def _counted(name: str, report: Int8Report) -> str:
    count = report.gate.objects[name]
    bound = "\n(has a bound of its own)" if name == report.gate.smallest else ""
    return f"{name}: {count} object{'' if count == 1 else 's'}{bound}"


def _draw_loss(axes: Axes, report: Int8Report) -> None:
    from matplotlib.ticker import MaxNLocator

    prepare(axes, "Layers back in float", ylabel="points of AP lost")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    exact = report.gate.reference.ap
    for form in report.forms:
        counts = [point.float_layers for point in form.curve]
        lost = [points_lost(exact, point.accuracy.ap) for point in form.curve]
        colour = FORM_COLOURS[form.form]
        axes.plot(counts, lost, marker="o", color=colour)
        chosen = len(form.float_layers)
        at = lost[counts.index(chosen)]
        axes.plot([chosen], [at], "o", markersize=13, color="none", markeredgecolor=colour)
    ring = "chosen" if report.passed else "best tried"
    axes.plot([], [], marker="o", markersize=11, color="none", markeredgecolor=INK, label=ring)
    axes.axhline(report.gate.max_drop, color=_BOUND, linestyle="--", label="allowed")
    half = points_lost(exact, report.half.ap)
    if math.isfinite(half):
        axes.axhline(half, color=QUIET, linestyle=":", label="FP16")
    axes.margins(y=0.15)
    legend(axes, loc="lower right", ncols=3, bbox_to_anchor=(1, 0.99))


def _draw_speed(axes: Axes, report: Int8Report) -> None:
    prepare(axes, f"Speed on {report.cpu.name}", xlabel=_COUNTS)
    axes.set_ylabel("times FP32")
    for form in report.forms:
        timed = [point for point in form.curve if point.speedup is not None]
        counts = [point.float_layers for point in timed]
        speeds = [point.speedup for point in timed if point.speedup is not None]
        axes.plot(counts, speeds, marker="o", color=FORM_COLOURS[form.form])
        for count, speed in zip(counts, speeds, strict=True):
            style: dict[str, Any] = {
                "textcoords": "offset points",
                "xytext": (0, 6),
                "ha": "center",
            }
            axes.annotate(f"{speed:.2f}", (count, speed), fontsize=8, color=INK, **style)
    axes.axhline(1, color=INK, linewidth=0.8)
    axes.set_ylim(0, 1.3 * max(1, axes.get_ylim()[1]))
