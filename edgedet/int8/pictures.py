"""What the pictures of a report have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgedet.evaluation.curves import CLASS_COLOURS, INK, QUIET
from edgedet.runtime.atomic import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACCURACY, LAYERS, HISTOGRAMS = "int8.png", "int8_layers.png", "int8_histograms.png"
FORM_COLOURS = {"tensorrt": CLASS_COLOURS[2], "cpu": CLASS_COLOURS[0]}
FORM_NAMES = {"tensorrt": "INT8 for TensorRT", "cpu": "INT8 for CPUs"}
_GRID = "#ECEEF1"


def new_figure(width: float, height: float, title: str) -> Figure:
    """Return a figure without pyplot: no global state, no window system. Sizes in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(plain(title), fontsize=12, color=INK, x=0.01, ha="left")
    return figure


def prepare(axes: Axes, title: str, **labels: str) -> None:
    """Give axes the look of all pictures; labels: `xlabel`, `ylabel`."""
    axes.set_title(plain(title), fontsize=10.5, color=INK, loc="left")
    axes.set(**labels)
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, length=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(QUIET)


def legend(holder: Any, **where: Any) -> None:
    """Give axes or a figure a legend without a frame."""
    holder.legend(frameon=False, fontsize=9, labelcolor=INK, **where)


def save(figure: Figure, path: Path) -> None:
    """Write a figure (PNG, SVG or PDF by the suffix)."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=130)


def plain(text: str) -> str:
    """Text that matplotlib does not take for mathematics."""
    return text.replace("$", r"\$")


def shortened(names: list[str]) -> list[str]:
    """Return the names of layers without what all have in common, and without doubled parts.

    PyTorch's exporter writes the whole path before each part of it:
    /model/trunk/stages.0/stages.0.2/conv/Conv becomes trunk/stages.0.2/conv.
    """
    parts = [_undoubled(name.split("/")) for name in names]
    while len(names) > 1 and all(len(each) > 1 for each in parts):
        if len({each[0] for each in parts}) > 1:
            break
        parts = [each[1:] for each in parts]
    found = ["/".join(each) for each in parts]
    return found if len(set(found)) == len(found) else names


def _undoubled(parts: list[str]) -> list[str]:
    kept = [part for part in parts if part]
    inner = [
        part
        for part, following in zip(kept, [*kept[1:], ""], strict=True)
        if not following.startswith(f"{part}.")
    ]
    return inner[:-1] if len(inner) > 1 and inner[-1].split("_")[0] in _OPERATORS else inner


_OPERATORS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
