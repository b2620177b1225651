"""Where a verb puts its outputs: ``runs/<verb>/<name>/``, never over an earlier run."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from edgedet.runtime.errors import UsageError


def new_run_dir(verb: str, out: Path | None = None) -> Path:
    """Make and return a folder of its own for one run.

    Without ``out`` it is ``runs/<verb>/run`` in the working folder. When the folder exists and
    holds something, a number is appended: ``run2``, ``run3`` ...

    Raises UsageError when the folder cannot be made or written.
    """
    wanted = Path("runs") / verb / "run" if out is None else out
    try:
        return _first_free(wanted)
    except OSError as error:
        raise UsageError(
            "an output folder that can be written",
            f"{wanted} ({error.strerror})",
            "choose another --out or change its permissions",
        ) from error


def _first_free(wanted: Path) -> Path:
    for number in count(1):
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}{number}")
        if _claim(folder):
            return folder
    raise AssertionError("count() does not end")


def _claim(folder: Path) -> bool:
    """Take the folder for this run; False when it belongs to another one."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        return folder.is_dir() and not any(folder.iterdir()) and _writable(folder)
    return True


def _writable(folder: Path) -> bool:
    """True, or the PermissionError that a write would raise."""
    probe = folder / ".edgedet"
    probe.touch()
    probe.unlink()
    return True
