"""One opening of a source and the reading of it, on a thread of its own."""

import threading
import time
from typing import TYPE_CHECKING, Callable, Optional

from ..errors import EdgedetError
from .live_source import Granted, LiveSource

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Deliver = Callable[["Reader", "NDArray[np.uint8]"], None]


class Reader:
    """Reads until the source ends, fails or is left.

    A read may hang in a driver or a library, and no thread can be stopped from outside: such a
    reader is left, what it still gives is ignored, and it cleans up when the read returns.
    """

    def __init__(
        self,
        name: str,
        open_source: Callable[[], LiveSource],
        deliver: "Deliver",
        wake: Callable[[], None],
    ) -> None:
        """deliver: takes each frame, on this thread. wake: called when the reading is over."""
        self.error: Optional[Exception] = None
        """Why it ended; None: at the end of the source."""
        self.frames = 0
        """That it gave so far."""
        self.live = True
        """See LiveSource."""
        self.asked = ""
        self._open_source, self._deliver, self._wake = open_source, deliver, wake
        self._source: Optional[LiveSource] = None
        self._lock = threading.Lock()
        self._left = False
        self._over = threading.Event()
        self._waits_since_s: Optional[float] = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Open the source and read."""
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether the source ended or failed."""
        return self._over.is_set()

    @property
    def alive(self) -> bool:
        """Whether the thread still runs, and holds what it holds."""
        return self._thread.is_alive()

    @property
    def left(self) -> bool:
        """Whether nobody wants its frames any more."""
        return self._left

    def waited_s(self) -> float:
        """Return for how long it has been waiting for the source; 0 while a frame is taken, or is
        not due yet.
        """
        since_s, source = self._waits_since_s, self._source
        if since_s is None:
            return 0.0
        due_s = None if source is None else source.due_s
        begin_s = since_s if due_s is None else max(since_s, due_s)
        return max(0.0, time.monotonic() - begin_s)

    def granted(self) -> Granted:
        """Return what the source gives; only `deliver` may ask, while the source is there."""
        assert self._source is not None
        return self._source.granted

    def media_s(self) -> Optional[float]:
        """Return the time of the last frame in the source's own seconds; as with `granted`."""
        assert self._source is not None
        return self._source.media_s

    def leave(self) -> None:
        """Want no more frames; the source is closed, now or when its read returns."""
        with self._lock:
            self._left = True
            source = self._source
        if source is not None:
            source.close()

    def join(self, timeout_s: float) -> bool:
        """Wait for its end; return whether it came."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            with self._open_source() as source:
                if self._keep(source):
                    self._read(source)
        except Exception as error:
            if isinstance(error, EdgedetError) or (isinstance(error, OSError) and self.frames):
                # Its traceback holds the last frame, and all else that was read, for as long as
                # Python likes. Nobody looks at it: the line says all.
                error.__traceback__ = error.__cause__ = error.__context__ = None
            self.error = error
        self._over.set()
        self._wake()

    def _keep(self, source: LiveSource) -> bool:
        """Remember the source, for `leave` to close it; return whether it is still wanted."""
        with self._lock:
            self._source = source
            self.live, self.asked = source.live, source.asked
            return not self._left

    def _read(self, source: LiveSource) -> None:
        while not self._left:
            image = source.read()
            self._waits_since_s = None
            if image is None or self._left:
                return
            self.frames += 1
            self._deliver(self, image)
            self._waits_since_s = time.monotonic()
