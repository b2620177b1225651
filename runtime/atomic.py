"""Write a file so that it is either complete or not there."""

import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Iterator

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
    target = Path(os.path.realpath(str(path)))
    if _is_special(target):
        yield target
        return
    temporary = _create_beside(target)
    try:
        yield temporary
        _flush_to_disk(temporary)
        temporary.replace(target)
    except BaseException:
        if temporary.exists():
            temporary.unlink()
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


def _create_beside(target: Path) -> Path:
    name = ".{}.{}.part{}".format(target.stem, os.getpid(), target.suffix)
    temporary = target.with_name(name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.open("wb").close()  # not mkstemp: the file keeps the user's umask
    except OSError as error:
        raise UsageError(
            "a folder that can be written",
            "{} ({})".format(target.parent, error.strerror),
            "choose another output or change its permissions",
        ) from error
    return temporary


def _flush_to_disk(temporary: Path) -> None:
    with temporary.open("rb+") as written:
        os.fsync(written.fileno())
