"""Errors that the user can mend. Everything else is a bug of ours and keeps its traceback."""

import errno
from typing import Any, Dict, Optional

UNWRITABLE = (
    errno.EACCES,
    errno.EDQUOT,
    errno.EFBIG,
    errno.ENOSPC,
    errno.EPERM,
    errno.EROFS,
)


class EdgedetError(Exception):
    """One line: what was expected, what was found, what to do. No traceback is shown.

    ``exit_code`` is what the command line returns; ``facts``, a dict of JSON types or None, is what
    its JSON answer holds besides the line.
    """

    exit_code = 2
    facts: Optional[Dict[str, Any]] = None

    def __init__(self, expected: str, found: str, fix: str) -> None:
        super().__init__("expected {}, found {}; {}".format(expected, found, fix))
        self.expected = expected
        self.found = found
        self.fix = fix


class UsageError(EdgedetError):
    """A flag, recipe or setting is wrong (exit code 2)."""

    exit_code = 2


class DataError(EdgedetError):
    """An image, video, label file or data set is wrong (exit code 3)."""

    exit_code = 3


class ModelError(EdgedetError):
    """A model, checkpoint or other artefact is wrong (exit code 4)."""

    exit_code = 4


class DeviceError(EdgedetError):
    """The device or its software cannot do what was asked (exit code 5)."""

    exit_code = 5


def error_of_place(error: OSError) -> Optional[UsageError]:
    """Return what to tell of a place that cannot be read or written, a full disk among them; None
    for any other error of the system, which is a bug of ours.
    """
    if error.errno not in UNWRITABLE:
        return None
    found = "{} ({})".format(error.filename or "an output", error.strerror)
    return UsageError("a place that can be read and written", found, "choose another one")
