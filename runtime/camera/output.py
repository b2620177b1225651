"""Where what was seen goes."""

from abc import abstractmethod
from typing import TYPE_CHECKING

from ..closing import Closing

if TYPE_CHECKING:
    from .seen import Seen


class Output(Closing):
    """Takes what was seen, on a thread of its own: `put` may be slow, the cameras do not wait.

    Errors that the user can mend (EdgedetError) end this output; it is told once, and the others
    go on.
    """

    name: str
    """For messages and metrics, as `recording`."""
    keeps_all = False
    """False: only the newest frame counts, older ones are dropped (windows, web pages). True:
    frames wait in a bounded queue, and dropping is counted (recordings, JSON lines)."""

    @abstractmethod
    def put(self, seen: "Seen") -> None:
        """Take one frame."""

    def idle(self) -> None:
        """Called about once a second while no frame comes, on the thread of `put`."""

    def close(self) -> None:
        """Finish what is open; closing twice does no harm."""
