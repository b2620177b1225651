"""The sizes of the objects as tables for people."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from edgedet.scales.sizes import PERCENTILES, SizeReport, SizeRow

SHOWN = (5, 50, 95)
"""Percentiles of diagonals and ratios; the JSON has all of them."""


def plain_table(first: str, columns: Sequence[str]) -> Table:
    """Return an empty table: the first column to the left, numbers to the right."""
    # Narrow gaps: the widest table has to fit the 80 columns of a terminal.
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    # What does not fit beside the numbers, a long name, gets a second line: no ellipsis.
    table.add_column(first, overflow="fold")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def side_table(sizes: SizeReport) -> Table:
    """Return the percentiles of sqrt(w h) in px of the input, by class."""
    table = plain_table("side in px", ["objects", *(f"p{p}" for p in PERCENTILES)])
    for row in shown_rows(sizes):
        table.add_row(Text(row.name), str(row.objects), *map(_pixels, row.side_px))
    return table


def form_table(sizes: SizeReport) -> Table:
    """Return diagonals relative to the image's, and width / height at the input, by class."""
    diagonals = [f"diagonal / image's p{SHOWN[0]}", *(f"p{p}" for p in SHOWN[1:])]
    ratios = [f"w/h at the input p{SHOWN[0]}", *(f"p{p}" for p in SHOWN[1:])]
    table = plain_table("form", [*diagonals, *ratios])
    places = [PERCENTILES.index(p) for p in SHOWN]
    for row in shown_rows(sizes):
        cells = [_number(row.relative_diagonal[i], 3) for i in places]
        cells += [_number(row.ratio[i], 2) for i in places]
        table.add_row(Text(row.name), *cells)
    return table


def shown_rows(sizes: SizeReport) -> tuple[SizeRow, ...]:
    """Return the rows to show: with a single class, its row would say twice what all say."""
    return sizes.rows if len(sizes.rows) > 2 else sizes.rows[:1]


def _pixels(value: float) -> str:
    return _number(value, 0 if value >= 100 else 1)


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
