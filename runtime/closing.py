"""Things that hold something until they are closed."""

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Callable, Optional, Sequence, Type, TypeVar

from .errors import EdgedetError

_Self = TypeVar("_Self", bound="Closing")


class Closing(ABC):
    """A context manager that closes itself; an error in the block goes before one of closing."""

    @abstractmethod
    def close(self) -> None:
        """Release what is held; closing twice does no harm."""

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        try:
            self.close()
        except EdgedetError:
            if error is None:  # else the first error is the one to tell
                raise


def close_together(closes: Sequence[Callable[[], object]]) -> None:
    """Call all of them, each on a thread: several that take long take no longer than one."""
    threads = [threading.Thread(target=close, name="closing", daemon=True) for close in closes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
