"""The newest picture of each camera, drawn and encoded only when somebody watches."""

import threading
import time
from typing import TYPE_CHECKING, Callable, Dict, NamedTuple, Optional, Sequence

from ..errors import DeviceError
from ..opencv import opencv
from .options import WebOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..camera.seen import Seen

Paint = Callable[["Seen"], "NDArray[np.uint8]"]
"""Gives the picture of a frame with what was found in it."""
SNAPSHOT_QUALITY = 95


class Picture(NamedTuple):
    """One picture with boxes."""

    jpeg: bytes
    version: int
    """Grows with each frame of a camera, from 1."""


class _Slot:
    """What there is of one camera."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.seen: "Optional[Seen]" = None
        self.version = 0
        self.picture = Picture(b"", 0)
        self.encoding = False
        self.due_s = 0.0


class Pictures:
    """Of all cameras. Frames that nobody asks for cost nothing; one that several watch is encoded
    once.
    """

    def __init__(self, cameras: Sequence[str], paint: Paint, options: WebOptions) -> None:
        """DeviceError without OpenCV."""
        opencv()
        self._slots: Dict[str, _Slot] = {camera: _Slot() for camera in cameras}
        self._paint = paint
        self._options = options
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether no picture comes any more."""
        return self._closed

    def put(self, seen: "Seen") -> None:
        """Take the newest frame of its camera."""
        slot = self._slots[seen.frame.camera]
        with slot.changed:
            slot.seen = seen
            slot.version += 1
            slot.changed.notify_all()

    def newest(self, camera: str) -> "Optional[Seen]":
        """Return what was seen last, None before the first frame."""
        return self._slots[camera].seen

    def after(self, camera: str, version: int, timeout_s: float) -> Optional[Picture]:
        """Wait for a picture that is newer than `version`; None when there is none in time."""
        slot = self._slots[camera]
        deadline_s = time.monotonic() + timeout_s
        while not self._closed:
            with slot.changed:
                now_s = time.monotonic()
                waits = slot.version > slot.picture.version and not slot.encoding
                seen, newest = slot.seen, slot.version
                if waits and now_s >= slot.due_s:
                    slot.encoding = True
                elif slot.picture.version > version and not slot.encoding:
                    return slot.picture
                elif now_s >= deadline_s:
                    return None
                else:
                    until_s = min(deadline_s, slot.due_s) if waits else deadline_s
                    slot.changed.wait(until_s - now_s)
                    continue
            self._renew(slot, seen, newest)
        return None

    def snapshot(self, camera: str) -> Optional[bytes]:
        """Return the newest picture as JPEG in its full size; None before the first frame."""
        seen = self._slots[camera].seen
        if seen is None:
            return None
        return _jpeg(self._paint(seen), SNAPSHOT_QUALITY)

    def close(self) -> None:
        """End all waiting."""
        self._closed = True
        for slot in self._slots.values():
            with slot.changed:
                slot.changed.notify_all()

    def _renew(self, slot: _Slot, seen: "Optional[Seen]", version: int) -> None:
        """Encode outside the lock, where nobody else does."""
        began_s = time.monotonic()
        picture = slot.picture
        try:
            assert seen is not None
            picture = Picture(self._encode(seen), version)
        finally:
            with slot.changed:
                slot.picture, slot.encoding = picture, False
                slot.due_s = began_s + 1 / self._options.most_fps
                slot.changed.notify_all()

    def _encode(self, seen: "Seen") -> bytes:
        """Draw on the whole frame, then scale: the drawing knows its sizes."""
        picture = self._paint(seen)
        scale = self._options.most_side_px / max(picture.shape[:2])
        if scale < 1:
            height, width = (max(1, int(round(side * scale))) for side in picture.shape[:2])
            # Bilinear: by areas it takes nine times as long, and nobody sees it in motion.
            picture = opencv().resize(picture, (width, height))
        return _jpeg(picture, self._options.quality)


def _jpeg(image_bgr: "NDArray[np.uint8]", quality: int) -> bytes:
    cv2 = opencv()
    done, encoded = cv2.imencode(".jpg", image_bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise DeviceError("an OpenCV that writes JPEG", "none", "leave the web page out")
    return bytes(encoded.tobytes())
