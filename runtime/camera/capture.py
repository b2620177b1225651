"""A camera that is read for days: opened, watched, and opened again."""

import logging
import threading
import time
from typing import TYPE_CHECKING, List, Optional, Tuple

from ..errors import DataError, DeviceError, UsageError
from .back_off import PATIENT, BackOff, Recovery
from .granted_text import granted_words
from .health import Health
from .inbox import Inbox
from .live_frame import LiveFrame
from .live_source import CaptureWish, LiveSource, SourceLostError
from .opening import open_live
from .reader import Reader
from .source_uri import redacted
from .steady_wait import wait_steadily

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PIPED = "; a pipe takes Motion JPEG: ffmpeg -i FILE -f mjpeg - | edgedet camera ... --source -"
GRACE_S = 1.0
"""A source tells its own silence, if it can; after so much more its reader hangs."""
WATCH_EVERY_S = 0.5
"""The reader is looked at so often; its end is told at once."""

_LOG = logging.getLogger("edgedet.camera")


class Capture:
    """Puts the frames of one source into the inbox, from a thread of its own.

    A source that is lost is opened again until it is back. What cannot mend itself at the first
    opening (`open_live` says what) ends it with `error`; so does a source that makes its readers
    hang again and again. A file that is over ends it without one; its last frame may still be in
    the inbox then.
    """

    def __init__(
        self,
        camera: str,
        uri: str,
        wish: CaptureWish,
        inbox: Inbox,
        health: Health,
        recovery: Recovery = PATIENT,
    ) -> None:
        self.camera = camera
        self._uri, self._wish = uri, wish
        self._inbox, self._health = inbox, health
        self._recovery = recovery
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._ended = threading.Event()
        self._error: Optional[Exception] = None
        self._reader: Optional[Reader] = None
        self._hanging: List[Reader] = []
        self._abandoned = 0
        self._number = 0
        self._told = ""
        self._shape: Optional[Tuple[int, ...]] = None
        self._thread = threading.Thread(target=self._run, name="watch-" + camera, daemon=True)

    def start(self) -> None:
        """Begin to capture; returns at once."""
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether no frame will come any more."""
        return self._ended.is_set()

    @property
    def error(self) -> Optional[Exception]:
        """Why it ended, where it should not have: an EdgedetError, or a bug of ours."""
        return self._error

    @property
    def abandoned(self) -> int:
        """How many readers hung and were left, since the start."""
        return self._abandoned

    def close(self) -> None:
        """End it; returns after a few seconds at the most, even if a driver hangs."""
        self._closing.set()
        self._inbox.leave(self.camera)
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(self._recovery.closing_s + GRACE_S)

    def _run(self) -> None:
        try:
            self._keep_reading()
        except Exception as error:
            self._error = error
        finally:
            self._health.ended()
            self._ended.set()
            self._inbox.leave(self.camera)

    def _keep_reading(self) -> None:
        """Read until the end or `close`; raise what cannot mend itself."""
        back_off = BackOff(self._recovery)
        while not self._closing.is_set():
            reader = self._begin()
            while self._goes_on(reader):
                wait_steadily(self._wake.is_set, WATCH_EVERY_S)
                self._wake.clear()
            self._leave(reader)
            if self._closing.is_set():
                return
            if reader.over and reader.error is None:
                self._require_some()
                return
            if reader.frames:
                back_off.reset()
            self._lose(reader)
            wait_steadily(self._closing.is_set, back_off.next_s())
            self._health.reopened()

    def _require_some(self) -> None:
        """Raise DataError for a source that came to its end without a frame."""
        if not self._number:
            expected = "a picture of {}".format(redacted(self._uri))
            fix = "check what it holds" + (PIPED if self._uri == "-" else "")
            raise DataError(expected, "its end", fix)

    def _begin(self) -> Reader:
        name = "read-" + self.camera
        reader = Reader(name, self._open, self._deliver, self._wake.set)
        with self._lock:
            self._reader = reader
        reader.start()
        return reader

    def _open(self) -> LiveSource:
        return open_live(self._uri, self._wish)

    def _goes_on(self, reader: Reader) -> bool:
        if self._closing.is_set() or reader.over:
            return False
        return reader.waited_s() < self._bound_s(reader)

    def _bound_s(self, reader: Reader) -> float:
        """Return for how long the reader may wait."""
        return self._wish.silence_s + GRACE_S if reader.frames else self._recovery.opening_s

    def _leave(self, reader: Reader) -> None:
        with self._lock:
            self._reader = None
        reader.leave()
        if self._closing.is_set():
            reader.join(self._recovery.closing_s)

    def _lose(self, reader: Reader) -> None:
        """Tell that no frame comes; raise when none will."""
        if not reader.over:
            self._abandon(reader)
            self._tell_lost("no frame, and a read that does not return")
        elif self._is_final(reader):
            raise reader.error or AssertionError("a reader that ended for nothing")
        else:
            self._tell_lost(str(reader.error))

    def _is_final(self, reader: Reader) -> bool:
        """Whether what went wrong stays so: what worked once may work again, but for a file that
        is damaged.
        """
        error = reader.error
        if isinstance(error, (DataError, UsageError)) or not reader.live:
            return True
        if isinstance(error, (DeviceError, OSError)) and self._number > 0:
            return False
        return not isinstance(error, SourceLostError)

    def _abandon(self, reader: Reader) -> None:
        self._abandoned += 1
        self._hanging = [other for other in self._hanging if other.alive] + [reader]
        text = "%s: a read does not return; its thread is left alone, %d so far"
        _LOG.warning(text, self.camera, self._abandoned)
        if len(self._hanging) >= self._recovery.most_hanging:
            found = "{} readers of {} that hang".format(len(self._hanging), redacted(self._uri))
            fix = "start anew; if it stays so, restart the device or its driver"
            raise DeviceError("a source that answers", found, fix)

    def _tell_lost(self, trouble: str) -> None:
        """Log it once, however often it is tried again."""
        trouble = redacted(trouble)
        self._health.lost(trouble)
        if trouble != self._told:
            _LOG.warning("%s: %s; trying again", self.camera, trouble)
            self._told = trouble

    def _deliver(self, reader: Reader, image: "NDArray[np.uint8]") -> None:
        """Take a frame, on the reader's thread."""
        now_s, epoch_s, media_s = time.monotonic(), time.time(), reader.media_s()
        scene_s = now_s if media_s is None else media_s
        with self._lock:
            if reader is not self._reader:
                return
            frame = LiveFrame(self.camera, image, self._number, now_s, epoch_s, scene_s)
            self._number += 1
        self._tell_arrived(reader, image, now_s)
        if self._inbox.put(frame, wait=not reader.live):
            self._health.dropped()

    def _tell_arrived(self, reader: Reader, image: "NDArray[np.uint8]", now_s: float) -> None:
        gap_s = self._health.captured(now_s)
        if gap_s > 0:
            _LOG.warning("%s: frames again, after a gap of %.1f s", self.camera, gap_s)
        self._told = ""
        if reader.frames == 1 or image.shape != self._shape:
            self._shape = image.shape
            self._tell_granted(reader, image)

    def _tell_granted(self, reader: Reader, image: "NDArray[np.uint8]") -> None:
        """The frame itself tells its size best: drivers and servers are wrong about it."""
        height, width = image.shape[:2]
        granted = granted_words(reader.granted()._replace(size_hw=(height, width)))
        self._health.opened(granted)
        if reader.asked:
            _LOG.info("%s: asked %s, granted %s", self.camera, reader.asked, granted)
        else:
            _LOG.info("%s: %s", self.camera, granted)
