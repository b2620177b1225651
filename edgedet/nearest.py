"""What the user probably meant."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from edgedet.runtime.errors import UsageError


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """Return the name out of `known` that looks most like `name`, or None when none does."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return close[0] if close else None


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error for a `name` that is none of `known`, with the nearest of them first."""
    names = sorted(known)
    close = nearest_name(name, names)
    hint = f"did you mean {close!r}?" if close else "take one of these"
    return UsageError(f"a {kind} out of {', '.join(names)}", repr(name), hint)


def check_name(kind: str, name: str, known: Collection[str]) -> None:
    """Raise UsageError, as `unknown_name` words it, unless `name` is one of `known`."""
    if name not in known:
        raise unknown_name(kind, name, known)
