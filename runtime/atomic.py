"""Write a file so that it is either complete or not there."""

import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, List, Tuple

from .errors import UsageError

if TYPE_CHECKING:
    from typing import Union


@contextmanager
def atomic_path(path: "Union[str, Path]") -> "Iterator[Path]":
    """Yield a temporary path beside ``path``; rename it to ``path`` when the block succeeds.

    The temporary name keeps the suffix, because some writers choose the format by it. When the
    block raises (Ctrl-C as well) the temporary file goes away and what was at ``path`` stays.
    Parent folders are made. A device or pipe such as ``/dev/stdout`` is written straight.

    Raises UsageError when the place cannot be written.
    """
    with atomic_paths(path) as (temporary,):
        yield temporary


@contextmanager
def atomic_paths(*paths: "Union[str, Path]") -> "Iterator[List[Path]]":
    """The same for files that belong together: all of them get their names, or none does."""
    targets = [Path(os.path.realpath(str(path))) for path in paths]
    places = [target if _is_special(target) else _beside(target) for target in targets]
    pairs = [(place, target) for place, target in zip(places, targets) if place != target]
    try:
        for temporary, _ in pairs:
            _create(temporary)
        yield places
        for temporary, _ in pairs:  # what takes time and may fail comes before any name
            _flush_to_disk(temporary)
        _give_names(pairs)
    except BaseException:
        for temporary, _ in pairs:
            with suppress(OSError):  # never made, or named already
                temporary.unlink()
        raise


def check_place(path: "Union[str, Path]") -> None:
    """Raise UsageError unless a file can be written at ``path``; nothing is made.

    For work of minutes, before it: writing its result would tell too late.
    """
    target = Path(os.path.realpath(str(path)))
    if _is_special(target):
        raise UsageError("the name of a file", "the device {}".format(target), "choose another")
    # Not Path.exists: it raises in a folder that we may not enter.
    folder = next(parent for parent in target.parents if os.path.exists(str(parent)))  # noqa: PTH110
    if not folder.is_dir():
        raise _not_writable(folder, "a file")
    if not os.access(str(folder), os.W_OK | os.X_OK):
        raise _not_writable(folder, "no permission")


def _give_names(pairs: List[Tuple[Path, Path]]) -> None:
    """Rename each file; Ctrl-C between two of them is heard after the last."""
    try:
        for temporary, target in pairs:
            temporary.replace(target)
    except KeyboardInterrupt:
        for temporary, target in pairs:
            if temporary.exists():
                temporary.replace(target)
        raise


def _is_special(target: Path) -> bool:
    """True for a device or pipe; False for a file, or nothing yet."""
    try:
        mode = target.stat().st_mode
    except OSError:  # nothing there, or not ours to look at: creating the file will tell
        return False
    if stat.S_ISDIR(mode):
        raise UsageError("the name of a file", "the folder {}".format(target), "add a file name")
    return not stat.S_ISREG(mode)


def _beside(target: Path) -> Path:
    # Two containers may share a folder and a process id, two threads have one anyway.
    unique = "{}-{}".format(os.getpid(), os.urandom(4).hex())
    name = ".{}.{}.part{}".format(target.stem, unique, target.suffix)
    return target.with_name(name)


def _create(temporary: Path) -> None:
    try:
        temporary.parent.mkdir(parents=True, exist_ok=True)
        temporary.open("wb").close()  # not mkstemp: the file keeps the user's umask
    except OSError as error:
        raise _not_writable(temporary.parent, str(error.strerror)) from error


def _not_writable(folder: Path, why: str) -> UsageError:
    return UsageError(
        "a folder that can be written",
        "{} ({})".format(folder, why),
        "choose another output or change its permissions",
    )


def _flush_to_disk(temporary: Path) -> None:
    with temporary.open("rb+") as written:
        os.fsync(written.fileno())
