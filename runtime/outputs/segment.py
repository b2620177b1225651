"""One file of a recording, written frame by frame."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Tuple

from ..closing import Closing
from ..errors import DeviceError
from .video_form import VideoForm, open_writer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FLUSH_EVERY_S = 2.0
"""What a power cut may cost besides what the writer itself holds back."""


class Segment(Closing):
    """A video whose frames lie at the times at which they came."""

    def __init__(
        self, path: Path, form: VideoForm, fps: float, size_hw: Tuple[int, int], begin_s: float
    ) -> None:
        """begin_s: time of its first frame. DeviceError when it cannot be opened."""
        self.path = path
        self.size_hw = size_hw
        self.begin_s = self.end_s = begin_s
        """Of its first and last frame."""
        self._fps = fps
        self._writer: Optional[Any] = open_writer(path, form, fps, size_hw)
        if self._writer is None:
            fix = "check that the folder can be written and has room"
            expected = "a video of {}x{} in {}".format(size_hw[1], size_hw[0], path.parent)
            raise DeviceError(expected, "one that does not open", fix)
        self._written = 0
        self._flushed_s = time.monotonic()

    def put(self, picture_bgr: "NDArray[np.uint8]", at_s: float) -> None:
        """Append the picture as often as its time asks for: not at all where frames come faster
        than the file's, twice and more where they come slower.
        """
        due = int(round((at_s - self.begin_s) * self._fps)) + 1
        if self._writer is None:
            raise ValueError("a segment that was closed")
        for _ in range(due - self._written):
            self._writer.write(picture_bgr)
        self._written = max(due, self._written)
        self.end_s = at_s
        self._flush()

    def close(self) -> None:
        """Finish the file; one without a frame goes."""
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        writer.release()
        if self._written == 0:
            try:
                self.path.unlink()
            except OSError:  # it has gone, or its disk has
                pass

    def _flush(self) -> None:
        """Have what was written lie on the disk, not only in the kernel's memory."""
        now_s = time.monotonic()
        if now_s - self._flushed_s < FLUSH_EVERY_S:
            return
        self._flushed_s = now_s
        descriptor = os.open(str(self.path), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
