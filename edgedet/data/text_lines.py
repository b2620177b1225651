"""Text files of labels: lines, and fields that are numbers."""

import math
from collections.abc import Sequence
from pathlib import Path

from edgedet.runtime.errors import DataError


def read_lines(path: Path) -> list[str]:
    """Return the stripped lines that are not empty; `DataError` when the file is not text."""
    return [line for _, line in numbered_lines(path)]


def numbered_lines(path: Path) -> list[tuple[int, str]]:
    """Return (line number from 1, stripped line) of the lines that are not empty."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"UTF-8 text in {path}", str(error), "export the file again") from None
    except OSError as error:
        raise DataError(f"a readable {path}", str(error.strerror), "restore the file") from None
    stripped = ((number, line.strip()) for number, line in enumerate(text.splitlines(), start=1))
    return [(number, line) for number, line in stripped if line]


def numbers(fields: Sequence[str], where: str, expected: str) -> list[float]:
    """Return the fields as finite numbers; `DataError` that `where` (file:line) shows else."""
    try:
        values = [float(field) for field in fields]
    except ValueError:
        values = [math.nan]
    if not all(map(math.isfinite, values)):
        raise DataError(f"{expected} at {where}", repr(" ".join(fields)[:80]), "correct that line")
    return values
