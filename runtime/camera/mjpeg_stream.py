"""Motion JPEG: one picture after the other, over HTTP or a pipe."""

import os
import select
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, List, Optional

from ..errors import DataError, UsageError
from ..images import decode_image
from .guarded_source import GuardedSource
from .jpeg_splitter import JpegSplitter
from .live_source import Granted, LiveSource, SourceLostError
from .source_uri import SourceUri

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_DAMAGED = 10
"""Pictures in a row that do not decode: then it is no stream of pictures."""
WAIT_S = 0.2
"""After so long without a byte it looks whether it is to end."""


class ByteStream(ABC):
    """Where bytes come from."""

    @abstractmethod
    def read(self) -> Optional[bytes]:
        """Wait for bytes, for a short time at least; b"" for none, None at the end.

        OSError when it broke, or was silent for too long.
        """

    def interrupt(self) -> None:
        """Make a `read` on another thread return, where it may wait for longer."""
        return

    @abstractmethod
    def close(self) -> None:
        """Release it."""


class DescriptorBytes(ByteStream):
    """What comes through a pipe; the descriptor stays open."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self) -> Optional[bytes]:
        """Return what came, see ByteStream."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN | select.POLLHUP)
        if not poll.poll(int(1000 * WAIT_S)):
            return b""
        return os.read(self._descriptor, 1 << 20) or None

    def close(self) -> None:
        """Leave it as it is: it is not ours."""


class MjpegStream(GuardedSource):
    """The newest whole picture of those that came. One that does not decode is skipped."""

    def __init__(self, source: SourceUri, stream: ByteStream, form: str, ends: bool) -> None:
        """ends: whether the end of the bytes is the end, or a stream that broke off."""
        super().__init__()
        self._shown, self._silence_s = source.shown, source.wish.silence_s
        self._stream, self._ends = stream, ends
        self.live = not (ends and source.wish.fast)
        self._splitter = JpegSplitter()
        self._waiting: List[bytes] = []
        self._granted = Granted(None, 0.0, form)

    @property
    def granted(self) -> Granted:
        """Size and rate are not told beforehand."""
        return self._granted

    def _next(self) -> "Optional[NDArray[np.uint8]]":
        for _ in range(MOST_DAMAGED):
            picture = self._picture()
            if picture is None:
                return None
            try:
                return decode_image(picture, Path(self._shown))
            except DataError:
                continue
        raise self._lost("pictures that do not decode")

    def _picture(self) -> Optional[bytes]:
        """Return the next picture; of a live source the newest that is there."""
        end_s = time.monotonic() + self._silence_s
        while not self._waiting:
            if self._closing.is_set():
                return None
            part = self._read()
            if part is None:
                return None
            self._waiting += self._splitter.feed(part)
            if not self._waiting and time.monotonic() > end_s:
                raise self._lost("none")
        picture = self._waiting.pop(-1 if self.live else 0)
        if self.live:
            self._waiting = []
        return picture

    def _read(self) -> Optional[bytes]:
        try:
            part = self._stream.read()
        except OSError as error:
            raise self._lost(error.strerror or str(error)) from error
        if part is None and not self._ends:
            raise self._lost("a stream that broke off")
        return part

    def _lost(self, found: str) -> SourceLostError:
        fix = "check what sends it"
        return SourceLostError("a picture of " + self._shown, found, fix)

    def _interrupt(self) -> None:
        self._stream.interrupt()

    def _release(self) -> None:
        self._stream.close()


def open_stdin(source: SourceUri) -> LiveSource:
    """Open what comes through the pipe, as `ffmpeg ... -f mjpeg -` writes it; it ends with it.

    UsageError where stdin is a terminal.
    """
    if sys.stdin is None or sys.stdin.isatty():
        found = "a terminal"
        fix = "pipe into it, as: ffmpeg -i FILE -f mjpeg - | edgedet camera ... --source -"
        raise UsageError("Motion JPEG through a pipe", found, fix)
    return MjpegStream(
        source, DescriptorBytes(sys.stdin.fileno()), "MJPG through a pipe", ends=True
    )
