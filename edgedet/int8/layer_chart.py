"""Which layers lose, as a picture: each alone in INT8, and each alone in float."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgedet.evaluation.figure import CLASS_COLOURS, INK, QUIET, literal, new_figure, prepare, save

from .pictures import FORM_COLOURS, FORM_NAMES, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from edgedet.calibration.sensitivity import Sensitivity

    from .report import FormReport, Int8Report

SHOWN = 16
"""Layers; the JSON has all."""
_FLOAT = CLASS_COLOURS[1]
_ROW, _REST = 0.24, 1.2
"""Height in inches of a layer, and of what is around them."""


def write_layers(path: Path, report: Int8Report) -> None:
    """Draw the forms that were analysed to `path`. Needs no display."""
    forms = [form for form in report.forms if form.sensitivity is not None]
    rows = [min(SHOWN, form.layers) for form in forms]
    heights = [_ROW * count + _REST for count in rows]
    title = "How far the results are from those of FP32, by what is INT8"
    figure = new_figure(13, sum(heights) + 0.3, title)
    grid = figure.subplots(len(forms), 2, squeeze=False, height_ratios=heights, sharey="row")
    for (left, right), form in zip(grid, forms, strict=True):
        assert form.sensitivity is not None
        _draw_alone(left, form, form.sensitivity)
        _draw_kept(right, form, form.sensitivity)
    save(figure, path)


def _draw_alone(axes: Axes, form: FormReport, sensitivity: Sensitivity) -> None:
    losses = sensitivity.losses[:SHOWN]
    names = shortened([loss.layer for loss in sensitivity.losses])[:SHOWN]
    told = f"{FORM_NAMES[form.form]}: one layer in INT8 (a short bar is bad)"
    prepare(axes, told, xlabel="signal to noise of the results, dB")
    axes.grid(visible=False, axis="y")
    places = range(len(losses))
    axes.barh(places, [loss.snr_db for loss in losses], color=_colours(form, sensitivity))
    axes.set_yticks(places, [literal(name) for name in names], fontsize=8)
    axes.set_ylim(len(losses) - 0.4, -0.6)
    axes.axvline(sensitivity.whole_db, color=INK, linestyle="--", linewidth=1)
    end = axes.get_xlim()[1]
    axes.set_xlim(min(0, *(loss.snr_db for loss in losses)), end)
    axes.annotate(
        f"all in INT8: {sensitivity.whole_db:.1f} dB",
        (sensitivity.whole_db, len(losses) - 0.5),
        xytext=(4, 2),
        textcoords="offset points",
        fontsize=8,
        color=INK,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )


def _draw_kept(axes: Axes, form: FormReport, sensitivity: Sensitivity) -> None:
    losses = sensitivity.losses[:SHOWN]
    prepare(axes, "One layer in float, all others INT8", xlabel="dB gained over all in INT8")
    axes.grid(visible=False, axis="y")
    gained = [0 if loss.kept_db is None else loss.kept_db - sensitivity.whole_db for loss in losses]
    axes.barh(range(len(losses)), gained, color=_colours(form, sensitivity))
    axes.axvline(0, color=QUIET, linewidth=1)
    axes.tick_params(labelleft=False)
    if form.float_layers:
        axes.barh([0], [0], color=_FLOAT, label="sent back to float")
        axes.barh([0], [0], color=FORM_COLOURS[form.form], label="stays in INT8")
        style: dict[str, Any] = {"frameon": False, "fontsize": 9, "ncols": 2}
        axes.legend(loc="lower right", bbox_to_anchor=(1, 0.99), **style)


def _colours(form: FormReport, sensitivity: Sensitivity) -> list[str]:
    return [
        _FLOAT if loss.layer in form.float_layers else FORM_COLOURS[form.form]
        for loss in sensitivity.losses[:SHOWN]
    ]
