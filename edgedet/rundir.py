"""Where a verb puts its outputs: ``runs/<verb>/<name>/``, never over an earlier run."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from edgedet.runtime.errors import UsageError


def new_run_dir(verb: str, out: Path | None = None) -> Path:
    """Make and return a folder of its own for one run.

    Without ``out`` it is ``runs/<verb>/run`` in the working folder. When the folder exists, a
    number is appended: ``run2``, ``run3`` ... An empty folder named by ``out`` is used as it is.

    Raises UsageError when the folder cannot be made or written.
    """
    wanted = Path("runs") / verb / "run" if out is None else out
    try:
        return wanted if out is not None and _is_free(out) else _first_free(wanted)
    except OSError as error:
        raise UsageError(
            "an output folder that can be written",
            f"{wanted} ({error.strerror})",
            "choose another --out or change its permissions",
        ) from error


def _first_free(wanted: Path) -> Path:
    folder = wanted
    for number in count(2):
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            folder = wanted.with_name(f"{wanted.name}{number}")
        else:
            return folder
    raise AssertionError("count() does not end")


def _is_free(folder: Path) -> bool:
    """True for an empty folder that the user made for us; an error when it cannot be used."""
    if not folder.exists():
        return False
    if any(folder.iterdir()):
        return False
    probe = folder / ".edgedet"
    probe.touch()
    probe.unlink()
    return True
