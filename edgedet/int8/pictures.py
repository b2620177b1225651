"""What the pictures of a report have in common."""

from __future__ import annotations

from typing import Any

from edgedet.evaluation.figure import CLASS_COLOURS, INK

ACCURACY, LAYERS, HISTOGRAMS = "int8.png", "int8_layers.png", "int8_histograms.png"
FORM_COLOURS = {"tensorrt": CLASS_COLOURS[2], "cpu": CLASS_COLOURS[0]}
FORM_NAMES = {"tensorrt": "INT8 for TensorRT", "cpu": "INT8 for CPUs"}


def legend(holder: Any, **where: Any) -> None:
    """Give axes or a figure a legend without a frame."""
    holder.legend(frameon=False, fontsize=9, labelcolor=INK, **where)


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
