"""What is wrong in label and image files: reading stops at the first, or notes it and goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, NoReturn

from edgedet.runtime.errors import DataError

CODES = (
    "missing-image",
    "corrupt-image",
    "wrong-size",
    "unreadable-labels",
    "wrong-record",
    "unknown-class",
    "unknown-image",
    "corners-not-widths",
    "box-without-area",
    "box-outside",
)
"""Every kind of fault that a reader can tell apart."""


class Where(NamedTuple):
    """The kind of a fault and the spot it is at."""

    code: str
    """One of `CODES`."""
    file: Path
    """The image or label file."""
    place: str = ""
    """What in it: "line 3", "annotation 7"; empty for the whole file."""


class FaultError(DataError):
    """One thing that is wrong in a data set; `where` tells faults of one kind from another."""

    def __init__(self, where: Where, expected: str, found: str, fix: str) -> None:
        super().__init__(expected, found, fix)
        self.where = where


Complain = Callable[[FaultError], object]
"""Told about a fault; when it returns, the reader leaves out what is wrong and reads on."""


def refuse(fault: FaultError) -> NoReturn:
    """Stop at the first fault: the `Complain` of training and evaluation."""
    raise fault


@contextmanager
def noting(complain: Complain) -> Iterator[None]:
    """Hand a fault of the block to `complain`; what follows it in the block is left out."""
    try:
        yield
    except FaultError as fault:
        complain(fault)
