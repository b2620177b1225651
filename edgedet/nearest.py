"""What the user probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches

from edgedet.runtime.errors import UsageError


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error for a `name` that is none of `known`, with the nearest of them first."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else "take one of these"
    return UsageError(f"a {kind} out of {', '.join(names)}", repr(name), hint)
