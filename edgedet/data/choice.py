"""A word that must be one of a few known ones."""

from collections.abc import Collection
from difflib import get_close_matches

from edgedet.runtime.errors import UsageError


def check_choice(what: str, value: str, known: Collection[str]) -> str:
    """Return `value` when it is one of `known`; else raise `UsageError` naming the nearest."""
    if value in known:
        return value
    nearest = get_close_matches(value, list(known), n=1)
    fix = f"did you mean {nearest[0]!r}?" if nearest else "choose one of these"
    raise UsageError(f"{what} to be one of {', '.join(known)}", repr(value), fix)
