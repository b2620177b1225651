"""Text files of labels: lines, and fields that are numbers."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from edgedet.data.faults import FaultError, Where


class Line(NamedTuple):
    """One line of a label file that is not empty."""

    file: Path
    number: int
    """Counted from 1."""
    text: str
    """Without white space at both ends."""

    @property
    def name(self) -> str:
        """How the line is called within its file."""
        return f"line {self.number}"

    def fault(self, code: str, expected: str, found: str) -> FaultError:
        """Return the fault that this line is not what was expected."""
        expected = f"{expected} at {self.file}:{self.number}"
        return FaultError(Where(code, self.file, self.name), expected, found, "correct that line")


def read_lines(path: Path) -> list[str]:
    """Return the stripped lines that are not empty; `FaultError` when the file is not text."""
    return [line.text for line in numbered_lines(path)]


def numbered_lines(path: Path) -> list[Line]:
    """Return the lines that are not empty; `FaultError` when the file is not text."""
    unreadable = Where("unreadable-labels", path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        fix = "export the file again"
        raise FaultError(unreadable, f"UTF-8 text in {path}", str(error), fix) from None
    except OSError as error:
        found = str(error.strerror)
        raise FaultError(unreadable, f"a readable {path}", found, "restore the file") from None
    stripped = (line.strip() for line in text.splitlines())
    return [Line(path, number, line) for number, line in enumerate(stripped, start=1) if line]


def numbers(fields: Sequence[str], line: Line, expected: str) -> list[float]:
    """Return the fields as finite numbers; else raise a `FaultError` that names the line."""
    try:
        values = [float(field) for field in fields]
    except ValueError:
        values = [math.nan]
    if not all(map(math.isfinite, values)):
        raise line.fault("wrong-record", expected, repr(" ".join(fields)[:80]))
    return values
