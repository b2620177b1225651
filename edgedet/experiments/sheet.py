"""A table of text, ready to be shown: as Markdown, on a terminal, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from shutil import get_terminal_size
from typing import Any

MIN_WIDTH = 100
PADDING = 2
NOTHING = "–"
"""What stands in a cell without a value."""


@dataclass(frozen=True)
class Sheet:
    """Header, rows of the same length, and what is to be said below."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    footnotes: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    """File names beside the Markdown."""
    dispensable: tuple[str, ...] = ()
    """Columns that a narrow terminal does without, the first to go first."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields as plain JSON types."""
        return asdict(self)


def markdown(sheet: Sheet) -> str:
    """Return the sheet as Markdown: heading, table, footnotes as a list, pictures."""
    lines = [f"## {sheet.title}", "", _line(sheet.columns)]
    lines.append("|" + "|".join("---" for _ in sheet.columns) + "|")
    lines += [_line(row) for row in sheet.rows]
    lines += ["", *(f"- {note}" for note in sheet.footnotes)]
    lines += ["", *(f"![{sheet.title}]({name})" for name in sheet.pictures)]
    return "\n".join(lines).rstrip() + "\n"


def terminal(sheets: Sequence[Sheet]) -> str:
    """Return the sheets as text of the terminal's width."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    text = StringIO()
    width = max(MIN_WIDTH, get_terminal_size().columns)
    console = Console(file=text, width=width, markup=False, highlight=False)
    for sheet in sheets:
        shown = _shown_columns(sheet, width)
        table = Table(title=sheet.title, title_justify="left", box=box.SIMPLE_HEAD)
        for index in shown:
            table.add_column(sheet.columns[index], justify="right" if index else "left")
        for row in sheet.rows:
            table.add_row(*(row[index] for index in shown))
        console.print(table)
        for note in sheet.footnotes:
            console.print(f"  * {note}")
        console.print()
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def _shown_columns(sheet: Sheet, width: int) -> list[int]:
    """The columns that fit side by side, or all but the dispensable ones."""
    shown = list(range(len(sheet.columns)))
    for name in sheet.dispensable:
        if _width(sheet, shown) <= width:
            break
        shown.remove(sheet.columns.index(name))
    return shown


def _width(sheet: Sheet, shown: Sequence[int]) -> int:
    lines = [sheet.columns, *sheet.rows]
    return sum(max(len(line[index]) for line in lines) + PADDING for index in shown)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
