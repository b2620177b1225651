"""The trade-off as a picture: what is lost, by how many layers are in float."""

from __future__ import annotations

from pathlib import Path

from edgedet.evaluation.curves import CLASS_COLOURS, INK
from edgedet.runtime.atomic import atomic_path

from .accuracy import points_lost
from .report import Int8Report


def write_chart(path: Path, report: Int8Report) -> None:
    """Draw the curve of each form to `path` (PNG, SVG or PDF by its suffix). Needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7.5, 4.5), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    exact = report.gate.reference.ap
    for form, colour in zip(report.forms, CLASS_COLOURS, strict=False):
        counts = [point.float_layers for point in form.curve]
        lost = [points_lost(exact, point.accuracy.ap) for point in form.curve]
        axes.plot(counts, lost, marker="o", color=colour, label=form.form)
    axes.axhline(report.gate.max_drop, color=INK, linestyle="--", label="allowed")
    axes.axhline(points_lost(exact, report.half.ap), color=INK, linestyle=":", label="FP16")
    axes.set_xlabel("layers in float, the worst first", color=INK)
    axes.set_ylabel("points of AP lost against FP32", color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=130)
