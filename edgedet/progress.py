"""Progress on stderr: a rich bar on a terminal, plain lines everywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

PLAIN_LINE_EVERY_S = 10.0


class Progress(Protocol):
    """What the caller of `progress` tells about its work."""

    def advance(self, steps: int = 1) -> None:
        """Count ``steps`` more as done."""

    def note(self, text: str) -> None:
        """Show a short text, such as the current loss, beside the count."""


@contextmanager
def progress(total: int | None, description: str) -> Iterator[Progress]:
    """Report ``total`` steps of work (None: not known beforehand) until the block ends."""
    if sys.stderr.isatty():
        with _rich_bar(total, description) as bar:
            yield bar
    else:
        lines = PlainLines(total, description)
        yield lines
        lines.finish()


class PlainLines:
    """A line now and then, for log files and CI: ``Training 40/100 (12 s): loss 0.31``."""

    def __init__(self, total: int | None, description: str) -> None:
        self._total = total
        self._description = description
        self._note = ""
        self._done = 0
        self._printed = -1
        self._started = self._last = time.monotonic()

    def advance(self, steps: int = 1) -> None:
        """Count ``steps`` more as done; print when the last line is old enough."""
        self._done += steps
        if time.monotonic() - self._last >= PLAIN_LINE_EVERY_S:
            self._print()

    def note(self, text: str) -> None:
        """Keep ``text`` for the next line."""
        self._note = text

    def finish(self) -> None:
        """Print where the work ended, unless the last line said so."""
        if self._printed != self._done:
            self._print()

    def _print(self) -> None:
        self._last = time.monotonic()
        self._printed = self._done
        count = str(self._done) if self._total is None else f"{self._done}/{self._total}"
        tail = f": {self._note}" if self._note else ""
        line = f"{self._description} {count} ({self._last - self._started:.0f} s){tail}"
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


@contextmanager
def _rich_bar(total: int | None, description: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with RichProgress(*columns, console=Console(stderr=True)) as display:
        task = display.add_task(description, total=total, note="")
        yield _RichBar(display, task)


class _RichBar:
    def __init__(self, display: RichProgress, task: TaskID) -> None:
        self._display = display
        self._task = task

    def advance(self, steps: int = 1) -> None:
        self._display.advance(self._task, steps)

    def note(self, text: str) -> None:
        self._display.update(self._task, note=text)
