"""Videos and images in a camera's place."""

from typing import TYPE_CHECKING, Iterator, Optional

from ..sources import Frame, Source, VideoSource, open_source
from .guarded_source import GuardedSource
from .live_source import CaptureWish, Granted
from .pace import Pace
from .source_uri import SourceUri

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STILLS_FPS = 1.0
"""Images come one a second: long enough to see what was found in each."""
VIDEO_FPS_IF_UNKNOWN = 25.0


class PacedFiles(GuardedSource):
    """The frames of a video at its own pace, of images one after the other.

    With `wish.fps` they come at that rate, whatever the file says. With `wish.fast` they come as
    fast as they are taken. With `wish.loop` they never end.
    """

    def __init__(self, source: SourceUri) -> None:
        """DataError when nothing is there or nothing decodes; UsageError for its name."""
        super().__init__()
        self._uri, self._wish = source.target, source.wish
        self.live = not self._wish.fast
        self._files = open_source(self._uri)
        self._frames: Iterator[Frame] = iter(self._files)
        self._pace = Pace(self._closing)
        self._period_s = 1.0 / _fps_of(self._files, self._wish)
        self._lap_s = self._last_s = 0.0
        video = isinstance(self._files, VideoSource)
        self._granted = Granted(None, 1.0 / self._period_s, "video file" if video else "images")

    @property
    def due_s(self) -> Optional[float]:
        """When the next frame is shown, see LiveSource: one may be shown for minutes."""
        return self._pace.due_s

    @property
    def granted(self) -> Granted:
        """The rate of the file, or the one that was asked for; the size is that of each frame."""
        return self._granted

    def _next(self) -> "Optional[NDArray[np.uint8]]":
        frame = next(self._frames, None)
        if frame is None and self._wish.loop:
            self._begin_again()
            frame = next(self._frames, None)
        if frame is None:
            return None
        self._last_s = self._lap_s + self._time_of(frame)
        if self.live:
            self._pace.wait(self._last_s)
        else:
            self.media_s = self._last_s
        return frame.image_bgr

    def _release(self) -> None:
        self._files.close()

    def _begin_again(self) -> None:
        self._files.close()
        self._files = open_source(self._uri)
        self._frames = iter(self._files)
        self._lap_s = self._last_s + self._period_s

    def _time_of(self, frame: Frame) -> float:
        """Return when it is due: videos of phones and screens have no steady rate."""
        steady_s = frame.index * self._period_s
        if self._wish.fps is not None or not isinstance(self._files, VideoSource):
            return steady_s
        told_s = self._files.position_s()
        return told_s if told_s > 0 else steady_s


def _fps_of(files: Source, wish: CaptureWish) -> float:
    if wish.fps is not None:
        return wish.fps
    if isinstance(files, VideoSource):
        return files.fps if files.fps > 0 else VIDEO_FPS_IF_UNKNOWN
    return STILLS_FPS
