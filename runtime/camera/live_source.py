"""One opened camera or stream, and what it was granted."""

from abc import abstractmethod
from typing import TYPE_CHECKING, NamedTuple, Optional, Tuple

from ..closing import Closing
from ..errors import DeviceError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class CaptureWish(NamedTuple):
    """What a camera is asked for; it does as it can, see `Granted`."""

    size_hw: Optional[Tuple[int, int]] = None
    """Height and width in pixels; None: the camera's own."""
    fps: Optional[float] = None
    """Frames a second; None: the camera's own."""
    loop: bool = False
    """Files begin again at their end."""
    fast: bool = False
    """Files come as fast as they are taken, and none is dropped; else at their own pace."""
    silence_s: float = 5.0
    """A source that gives no frame for so long is lost, and opened again."""


class Granted(NamedTuple):
    """What a source gives, as far as it tells."""

    size_hw: Optional[Tuple[int, int]]
    """None before the first frame, where only a frame tells it."""
    fps: float
    """0 when unknown."""
    form: str
    """How frames come, for people: `MJPG`, `H264 over RTSP/TCP`, `file`."""


class SourceLostError(DeviceError):
    """No frame comes any more; the source may come back, and is opened again."""


class LiveSource(Closing):
    """Frames as they come. One thread reads; `close` may come from another and ends the reading."""

    media_s: Optional[float] = None
    """Time of the frame that was read last in the source's own seconds; None: it has none but the
    clock's."""
    asked = ""
    """What it was asked for, for people; empty when there was nothing to ask for."""
    live = True
    """Whether frames come by themselves and are lost when nobody takes them. A source that is not
    live waits until its frame was taken."""

    @property
    def due_s(self) -> Optional[float]:
        """When the next frame is due, by `time.monotonic`, where the source itself waits until
        then: that it gives none before is no trouble. None where it does not wait.
        """
        return None

    @property
    @abstractmethod
    def granted(self) -> Granted:
        """What it gives."""

    @abstractmethod
    def read(self) -> "Optional[NDArray[np.uint8]]":
        """Wait for the next frame, uint8 [H,W,3] BGR, the caller's own; None at the end of a file.

        Raises SourceLostError when none comes within a few seconds, or ever again.
        """
