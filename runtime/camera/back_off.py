"""How a source that is away is tried again."""

from typing import NamedTuple


class Recovery(NamedTuple):
    """How long things may take, in seconds, and how often they may go wrong."""

    first_wait_s: float = 0.5
    """Before a lost source is opened again."""
    longest_wait_s: float = 1.0
    """The waits double up to this one: a stream is to be seen soon after it is back, and asking
    once a second costs little, even for hours."""
    opening_s: float = 20.0
    """From the opening to the first frame; a reader that takes longer hangs. Cameras that send a
    whole picture every ten seconds only are among what has to fit."""
    most_hanging: int = 3
    """So many readers that hang at once end the run: what they hold comes back with a new process
    only."""
    closing_s: float = 3.0
    """`close` waits no longer for a reader."""


PATIENT = Recovery()
"""For a camera that is left alone."""


class BackOff:
    """The waits between attempts, in seconds: they double from the first to the longest."""

    def __init__(self, recovery: Recovery) -> None:
        self._recovery = recovery
        self._wait_s = recovery.first_wait_s

    def next_s(self) -> float:
        """Return how long to wait before the next attempt."""
        wait_s = min(self._wait_s, self._recovery.longest_wait_s)
        self._wait_s = 2 * wait_s
        return wait_s

    def reset(self) -> None:
        """Begin anew: frames came."""
        self._wait_s = self._recovery.first_wait_s
