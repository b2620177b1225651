"""Precision-recall curves as a picture: the classes on the left, the box exactness on the right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgedet.evaluation.coco import Evaluation
from edgedet.evaluation.cut import CutReport
from edgedet.evaluation.figure import CLASS_COLOURS, INK, QUIET, literal, new_figure, prepare, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_THRESHOLDS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.9)
NAME_LENGTH = 22


def write_curves(
    path: Path, evaluation: Evaluation, cut: CutReport | None = None, title: str = ""
) -> None:
    """Draw the curves of ``evaluation`` to ``path`` (PNG, SVG or PDF by its suffix).

    ``cut`` is marked on the left when given. Needs no display.
    """
    figure = new_figure(13.5, 5, title)
    left, right = figure.subplots(1, 2)
    _prepare(left, "Each class, boxes overlapping by IoU 0.50")
    _prepare(right, "Mean of the classes, by the overlap asked for")
    _draw_classes(left, evaluation, cut)
    _draw_thresholds(right, evaluation)
    save(figure, path)


def _prepare(axes: Axes, title: str) -> None:
    recall, precision = (
        "share of the objects that were found",
        "share of the detections that are right",
    )
    prepare(axes, title, xlabel=f"recall: {recall}", ylabel=f"precision: {precision}")
    axes.set_xlim(0, 1.005)
    axes.set_ylim(0, 1.015)
    _draw_f1_lines(axes)


def _draw_f1_lines(axes: Axes) -> None:
    """Faint lines of equal F1, so that a point can be judged by itself."""
    for f1 in (0.2, 0.4, 0.6, 0.8):
        recall = np.linspace(f1 / (2 - f1), 1, 60)
        precision = f1 * recall / (2 * recall - f1)
        axes.plot(recall, precision, color="#DDE0E5", linewidth=0.8, linestyle=(0, (4, 3)))
        axes.annotate(
            f"F1 {f1:g}",
            (1.005, precision[-1]),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=7.5,
            color="#8A9099",
        )


def _draw_classes(axes: Axes, evaluation: Evaluation, cut: CutReport | None) -> None:
    curves = evaluation.curves
    names = _seen_classes(evaluation)
    order = list(evaluation.per_class)
    coloured = _coloured(names, evaluation)
    for name in names:
        precision = curves.precision[0, :, order.index(name)]
        colour = coloured.get(name, QUIET)
        label = _label(name, evaluation.per_class[name].ap50) if name in coloured else None
        _line(axes, curves.recall, precision, color=colour, label=label, linewidth=1.8)
    others = len(names) - len(coloured)
    if others:
        axes.plot([], [], color=QUIET, label=f"{others} better classes")
    if len(names) > 1:
        mean = np.nanmean(curves.precision[0], axis=1)
        label = _label("mean", evaluation.ap50)
        _line(axes, curves.recall, mean, color=INK, label=label, linewidth=2.6)
    if cut is not None and np.isfinite(cut.precision) and np.isfinite(cut.recall):
        axes.plot(
            [cut.recall],
            [cut.precision],
            marker="o",
            markersize=8,
            markerfacecolor="white",
            markeredgecolor=INK,
            markeredgewidth=1.8,
            linestyle="none",
            zorder=5,
            label=f"{cut.f1:.3f}  F1 of all, score > {cut.cut:g}",
        )
    _legend(axes, "AP50")


def _draw_thresholds(axes: Axes, evaluation: Evaluation) -> None:
    from matplotlib import colormaps

    curves = evaluation.curves
    if not _seen_classes(evaluation):
        _legend(axes, "")
        return
    shades = colormaps["viridis"](np.linspace(0.05, 0.85, len(SHOWN_THRESHOLDS)))
    for iou, shade in zip(SHOWN_THRESHOLDS, shades, strict=True):
        row = int(np.argmin(np.abs(curves.iou_thresholds - iou)))
        mean = np.nanmean(curves.precision[row], axis=1)
        label = _label(f"IoU {iou:.2f}", float(mean.mean()))
        _line(axes, curves.recall, mean, color=shade, label=label, linewidth=1.8)
    everything = np.nanmean(curves.precision, axis=(0, 2))
    label = _label("mean 0.50-0.95", evaluation.ap)
    _line(axes, curves.recall, everything, color=INK, label=label, linewidth=2.6)
    _legend(axes, "AP")


def _line(
    axes: Axes, recall: NDArray[np.float64], precision: NDArray[np.float64], **style: Any
) -> None:
    """A curve to a dot at the last recall that was reached: beyond it COCO writes precision 0."""
    reached = int(np.count_nonzero(precision > 0))
    style |= {"solid_joinstyle": "round", "marker": "o", "markersize": 2 * style["linewidth"]}
    axes.plot(recall[:reached], precision[:reached], markevery=[-1] if reached else None, **style)


def _seen_classes(evaluation: Evaluation) -> list[str]:
    """Classes with objects, the worst first: that is where the work is."""
    seen = [name for name, scores in evaluation.per_class.items() if scores.objects]
    return sorted(seen, key=lambda name: evaluation.per_class[name].ap50)


def _coloured(names: list[str], evaluation: Evaluation) -> dict[str, str]:
    """The worst classes get a colour and a name; with many classes the others stay grey."""
    order = list(evaluation.per_class)
    chosen = sorted(names[: len(CLASS_COLOURS)], key=order.index)
    return dict(zip(chosen, CLASS_COLOURS, strict=False))


def _label(name: str, ap: float) -> str:
    short = name if len(name) <= NAME_LENGTH else name[: NAME_LENGTH - 1] + "…"
    return literal(f"{ap:.3f}  {short}")


def _legend(axes: Axes, title: str) -> None:
    if not axes.get_legend_handles_labels()[0]:
        axes.text(0.5, 0.5, "no objects in the data", ha="center", color=INK)
        return
    # Beside the axes: inside it would lie on some curve.
    axes.legend(
        title=title,
        loc="upper left",
        bbox_to_anchor=(1.1, 1.02),
        borderaxespad=0,
        fontsize=9,
        title_fontsize=9,
        alignment="left",
        frameon=False,
    )
