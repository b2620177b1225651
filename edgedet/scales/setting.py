"""One option that the fit sets, and why."""

from typing import Any, NamedTuple


class Setting(NamedTuple):
    """A value for a recipe."""

    value: Any
    reason: str
    """One line for people."""
