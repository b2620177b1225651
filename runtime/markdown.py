"""Tables that a terminal and a pull request both show well."""

from typing import Iterable, List, Sequence


def markdown_table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[bool]
) -> str:
    """Return a Markdown table in columns of equal width; `numeric` ones stand to the right."""
    lines = [list(headers)] + [list(row) for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    rule = ["-" * (width + 1) + (":" if right else "-") for width, right in zip(widths, numeric)]
    text = [_line(line, widths, numeric) for line in lines]
    text.insert(1, "|{}|".format("|".join(rule)))
    return "\n".join(text)


def _line(cells: List[str], widths: List[int], numeric: Sequence[bool]) -> str:
    sides = [">" if right else "<" for right in numeric]
    padded = [
        "{:{}{}}".format(cell, side, width) for cell, side, width in zip(cells, sides, widths)
    ]
    return "| {} |".format(" | ".join(padded))
