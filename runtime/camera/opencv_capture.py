"""Frames by OpenCV: of a device, a stream or a pipeline."""

import time
from types import ModuleType
from typing import TYPE_CHECKING, Any, Optional

from .guarded_source import GuardedSource
from .live_source import Granted, SourceLostError
from .source_uri import SourceUri

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_FAILURES = 3
"""In a row, and quick ones: a damaged packet fails, the next one does not."""
QUICK_S = 0.5
"""A read that failed after longer than that waited in vain; it is not tried again."""
MOST_FPS = 1000.0
"""Above are the time bases of streams that tell no rate."""


class OpenCvCapture(GuardedSource):
    """What an opened `cv2.VideoCapture` gives."""

    def __init__(self, cv2: ModuleType, capture: Any, source: SourceUri, form: str) -> None:
        """form: how frames come, see Granted."""
        super().__init__()
        self._cv2, self._capture = cv2, capture
        self._shown, self._silence_s = source.shown, source.wish.silence_s
        self._frames_seen = 0
        self._granted = self._ask_granted(form)

    @property
    def granted(self) -> Granted:
        """What it said when it was opened."""
        return self._granted

    def _next(self) -> "Optional[NDArray[np.uint8]]":
        for _ in range(MOST_FAILURES):
            begin_s = time.monotonic()
            there, image = self._capture.read()
            waited_s = time.monotonic() - begin_s
            if self._closing.is_set():
                return None
            if there and image is not None and not self._is_stale(waited_s):
                self._frames_seen += 1
                return image  # type: ignore[no-any-return]
            if waited_s > QUICK_S:
                break
        raise SourceLostError("a frame of " + self._shown, "none", "check its cable and power")

    def _is_stale(self, waited_s: float) -> bool:
        """Whether it is one that a decoder kept, and gave up when nothing came any more."""
        return self._frames_seen > 0 and waited_s > self._silence_s

    def _release(self) -> None:
        self._capture.release()

    def _ask_granted(self, form: str) -> Granted:
        cv2, ask = self._cv2, self._capture.get
        height, width = ask(cv2.CAP_PROP_FRAME_HEIGHT), ask(cv2.CAP_PROP_FRAME_WIDTH)
        fps = float(ask(cv2.CAP_PROP_FPS))
        size_hw = (int(height), int(width)) if height > 0 and width > 0 else None
        return Granted(size_hw, fps if 0 < fps <= MOST_FPS else 0.0, form)
