"""Sizes, candidates and advice as text for people."""

from __future__ import annotations

import sys

from rich.console import Console, Group
from rich.text import Text

from edgedet.checks.report import counted
from edgedet.scales.advice import advice, remarks
from edgedet.scales.candidate_tables import LEGEND, design_table, measure_table
from edgedet.scales.fitting import Fitting
from edgedet.scales.shortlist import shortlist
from edgedet.scales.size_tables import form_table, side_table
from edgedet.scales.sizes import SizeReport

PLAIN_WIDTH = 160
"""A file or pipe has no width: no cell is to be cut there."""


def table_text(fitting: Fitting) -> str:
    """Return the whole report; coloured when stdout is a terminal."""
    shown, chosen = shortlist(fitting.candidates), fitting.chosen.candidate
    report = Group(
        _heading(fitting),
        side_table(fitting.sizes),
        "",
        form_table(fitting.sizes),
        Text(_per_image(fitting.sizes)),
        "",
        Text("Candidates", style="bold"),
        design_table(shown, chosen),
        "",
        measure_table(shown, chosen),
        Text(LEGEND.format(window=fitting.request.window), style="dim"),
        "",
        Text(advice(fitting), style="bold"),
        *map(Text, remarks(fitting)),
    )
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    with console.capture() as capture:
        console.print(report)
    return "\n".join(line.rstrip() for line in capture.get().rstrip("\n").split("\n"))


def _heading(fitting: Fitting) -> Text:
    request, sizes = fitting.request, fitting.sizes
    heading = Text("Objects", style="bold")
    heading.append(
        f" at {request.imgsz} x {request.imgsz} px ({request.resize}): "
        f"{counted(sizes.images, 'image')}, {sizes.empty_images} without objects",
        style="default",
    )
    return heading


def _per_image(sizes: SizeReport) -> str:
    counts = sizes.per_image
    return (
        f"objects an image: mean {counts.mean:.1f}, median {counts.p50:g}, "
        f"p95 {counts.p95:.3g}, at most {counts.most}"
    )
