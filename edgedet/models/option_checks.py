"""Whether the options of a detector fit, told before a network is built of them."""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

from edgedet.nearest import unknown_name
from edgedet.runtime.errors import UsageError

Check = tuple[str, str, Callable[[Any], bool]]
"""Option, what it is expected to be, and whether a value is that."""


def check_options(options: object, checks: tuple[Check, ...]) -> None:
    """Raise UsageError that names the first option of the record that does not fit."""
    for name, expected, holds in checks:
        value = getattr(options, name)
        if not holds(value):
            raise UsageError(f"option {name} to be {expected}", repr(value), "correct the value")


def check_names(options: object, known_by_option: Mapping[str, Collection[str]]) -> None:
    """Raise UsageError, with the nearest known name, for an option that names nothing known."""
    for name, known in known_by_option.items():
        value = getattr(options, name)
        if not isinstance(value, str) or value not in known:
            raise unknown_name(f"value of {name}", str(value), known)


def is_whole(value: Any, low: int) -> bool:
    """Return whether it is an int from `low` on."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= low


def is_number(value: Any, low: float = -math.inf, high: float = math.inf) -> bool:
    """Return whether it is a finite int or float in low..high."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and low <= value <= high


def is_positive(value: Any) -> bool:
    """Return whether it is a finite number above 0."""
    return is_number(value) and value > 0


def are_all(value: Any, holds: Callable[[Any], bool], count: int | None = None) -> bool:
    """Return whether it is a tuple or list, not empty, of `count` items that all hold."""
    if not isinstance(value, tuple | list) or not value:
        return False
    return count in (None, len(value)) and all(map(holds, value))


def count(option: str) -> Check:
    """Return the check for a whole number from 1 on."""
    return option, "a whole number from 1 on", lambda value: is_whole(value, 1)


def switch(option: str) -> Check:
    """Return the check for true or false."""
    return option, "true or false", lambda value: isinstance(value, bool)


def fraction(option: str) -> Check:
    """Return the check for a number in 0..1."""
    return option, "a number in 0..1", lambda value: is_number(value, 0, 1)
