"""The candidates as tables for people: what they are, and what they are worth."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from edgedet.scales.candidates import Candidate
from edgedet.scales.score import DOUBLING_COST, OCTAVE_COST, SHAPE_COST
from edgedet.scales.size_tables import plain_table

CHOSEN, FRONT, OUTSIDE = "*", "+", "!"
LEGEND = f"""\
at: block@stride, e extra map, x inside the block
sides: in px, one group a level
{CHOSEN} chosen   {FRONT} nothing fits better for as few operations
{OUTSIDE} some field lies outside {{window}} sides
A = receptive field / anchor side
score = mean best IoU - {OCTAVE_COST:g} octaves that fields are off
- {DOUBLING_COST:g} doublings of the operations - {SHAPE_COST:g} anchor shapes"""


def design_table(candidates: Sequence[Candidate], chosen: Candidate) -> Table:
    """Return where the heads of each candidate attach, and their anchors."""
    table = plain_table("", ["at", "sides", "w/h", "sizes from"])
    for column in table.columns:
        # Where the terminal is narrow: a second line, never an ellipsis.
        column.justify, column.no_wrap, column.overflow = "left", False, "fold"
    for number, candidate in enumerate(candidates, 1):
        design = candidate.design
        sides = ["/".join(f"{side:g}" for side in sides) for sides in design.anchors]
        ratios = " ".join(f"{ratio:g}" for ratio in design.ratios)
        cells = (str(number), _places(candidate), " | ".join(sides), ratios, design.origin)
        table.add_row(*map(Text, cells), style=_style(candidate, chosen))
    return table


def measure_table(candidates: Sequence[Candidate], chosen: Candidate) -> Table:
    """Return what each candidate reaches, and what it costs."""
    reached = ["best IoU", "p5", "worst", "positive", "A"]
    table = plain_table("", [*reached, "anchors", "G MACs", "k params", "score"])
    for number, candidate in enumerate(candidates, 1):
        cells = (
            f"{number}{CHOSEN * (candidate is chosen)}{FRONT * candidate.on_front}",
            f"{candidate.mean_best_iou:.3f}",
            f"{candidate.p5_best_iou:.2f}",
            f"{candidate.worst_best_iou:.2f}",
            f"{candidate.share_positive:.1%}",
            f"{'' if candidate.aligned else OUTSIDE}{candidate.a_score:.2f}",
            str(candidate.anchors),
            f"{candidate.macs / 1e9:.2f}",
            f"{candidate.parameters / 1e3:.0f}",
            f"{candidate.score:.3f}",
        )
        table.add_row(*map(Text, cells), style=_style(candidate, chosen))
    return table


def _style(candidate: Candidate, chosen: Candidate) -> str | None:
    if candidate is chosen:
        return "bold"
    return "dim" if candidate.known_as else None


def _places(candidate: Candidate) -> str:
    levels = candidate.design.layout.levels
    shorter = (("block ", ""), ("extra ", "e"), (" expansion", "x"))
    names = [level.place for level in levels]
    for long, short in shorter:
        names = [name.replace(long, short) for name in names]
    return " ".join(f"{n}@{level.stride}" for n, level in zip(names, levels, strict=True))
