"""What the user probably meant."""

from difflib import get_close_matches
from typing import Collection, Iterable, Optional

from .errors import UsageError

CUTOFF = 0.5


def nearest_name(name: str, known: Iterable[str]) -> Optional[str]:
    """Return the name out of `known` that looks most like `name`, or None when none does."""
    close = get_close_matches(name, list(known), n=1, cutoff=CUTOFF)
    return close[0] if close else None


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error for a `name` that is none of `known`, with the nearest of them first."""
    names = sorted(known)
    close = nearest_name(name, names)
    hint = "did you mean {!r}?".format(close) if close else "take one of these"
    return UsageError("a {} out of {}".format(kind, ", ".join(names)), repr(name), hint)


def check_name(kind: str, name: str, known: Collection[str]) -> None:
    """Raise UsageError, as `unknown_name` words it, unless `name` is one of `known`."""
    if name not in known:
        raise unknown_name(kind, name, known)
