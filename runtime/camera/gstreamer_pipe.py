"""Frames of GStreamer without OpenCV's help: gst-launch-1.0 writes them into a pipe."""

import fcntl
import os
import select
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING, List, Optional

import numpy as np

from ..errors import DeviceError
from .gstreamer_pipelines import Caps, caps_of, launch_words, row_bytes
from .guarded_source import GuardedSource
from .live_source import Granted, SourceLostError
from .source_uri import SourceUri, redacted

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROGRAM = "gst-launch-1.0"
OPENING_S = 15.0
"""Until the first frame."""
STOPPING_S = 2.0
"""For the program to end in order: who kills a reader of a CSI camera blocks it for the next."""
PIPE_BYTES = 1 << 20
"""So much the kernel is to hold, instead of 64 kB: fewer changes between the two processes."""
MOST_TEXT_BYTES = 1 << 16
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ of Linux; Python names it from 3.10 on


def has_program() -> bool:
    """Return whether gst-launch-1.0 is installed."""
    return shutil.which(PROGRAM) is not None


class GstreamerPipe(GuardedSource):
    """A process of its own: when it hangs it is killed, and when it crashes it crashes alone."""

    def __init__(self, source: SourceUri, pipeline: str, form: str) -> None:
        """pipeline: gives BGR, see `gstreamer_pipelines`. DeviceError without gst-launch-1.0."""
        super().__init__()
        if not has_program():
            fix = "run: sudo apt-get install gstreamer1.0-tools gstreamer1.0-plugins-good"
            raise DeviceError(PROGRAM, "none", fix)
        self._shown, self._form = source.shown, form
        self._silence_s = source.wish.silence_s
        self._caps: Optional[Caps] = None
        self._frames_seen = 0
        self._text = bytearray()
        self._said: List[str] = []
        self._start(pipeline)

    @property
    def granted(self) -> Granted:
        """What the pipeline tells once frames come."""
        if self._caps is None:
            return Granted(None, 0.0, self._form)
        return Granted(self._caps.size_hw, self._caps.fps, self._form)

    def _start(self, pipeline: str) -> None:
        self._pipe, theirs = os.pipe()
        try:
            self._process = subprocess.Popen(
                launch_words(pipeline, theirs),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs,),
                start_new_session=True,  # Ctrl-C is for us, who end it in order
            )
        except BaseException:
            os.close(self._pipe)
            raise
        finally:
            os.close(theirs)
        assert self._process.stdout is not None
        self._said_pipe = self._process.stdout.fileno()
        os.set_blocking(self._said_pipe, False)
        try:
            fcntl.fcntl(self._pipe, _SET_PIPE_SIZE, PIPE_BYTES)
        except OSError:
            pass  # more than this user may have: the smaller one does

    def _next(self) -> "Optional[NDArray[np.uint8]]":
        end_s = time.monotonic() + (self._silence_s if self._frames_seen else OPENING_S)
        caps = self._await_caps(end_s)
        if caps is None:
            return None
        height, width = caps.size_hw
        rows = np.empty((height, row_bytes(width)), np.uint8)
        if not self._fill(rows.data.cast("B"), end_s):
            return None
        # It tells a new size before the first frame of it.
        self._hear()
        if self._caps != caps:
            raise self._lost("frames of another size")
        self._frames_seen += 1
        image = rows[:, : 3 * width].reshape(height, width, 3)
        return image if image.flags.c_contiguous else np.ascontiguousarray(image)

    def _await_caps(self, end_s: float) -> Optional[Caps]:
        """Return what frames come, as soon as it is told; None when closing."""
        while self._caps is None:
            if not self._wait([self._said_pipe], end_s):
                return None
            if not self._hear():
                raise self._gone()
        return self._caps

    def _fill(self, wanted: memoryview, end_s: float) -> bool:
        """Read one frame; False when closing."""
        filled = 0
        while filled < len(wanted):
            if not self._wait([self._pipe], end_s):
                return False
            count = os.readv(self._pipe, [wanted[filled:]])
            if count == 0:
                if self._closing.is_set():
                    return False
                raise self._gone()
            filled += count
        return True

    def _wait(self, descriptors: List[int], end_s: float) -> bool:
        """Wait until there is something to read; False when closing, raise when it takes long."""
        poll = select.poll()
        for descriptor in descriptors:
            poll.register(descriptor, select.POLLIN | select.POLLHUP)
        ready = poll.poll(max(0, int(1000 * (end_s - time.monotonic()))))
        if self._closing.is_set():
            return False
        if not ready:
            raise self._lost("none")
        return True

    def _hear(self) -> bool:
        """Take in what the program said; False when it says no more."""
        while True:
            try:
                part = os.read(self._said_pipe, MOST_TEXT_BYTES)
            except BlockingIOError:
                return True
            if not part:
                return False
            self._text += part
            *lines, rest = self._text.split(b"\n")
            self._text = rest[-MOST_TEXT_BYTES:]
            for line in lines:
                self._understand(line.decode("utf-8", "replace").strip())

    def _understand(self, line: str) -> None:
        self._caps = caps_of(line) or self._caps
        if line.startswith(("ERROR", "WARNING")):
            # One that names the cause comes first; what follows from it is of no help.
            self._said = (self._said + [redacted(line)])[:2]

    def _gone(self) -> DeviceError:
        """Return why the program ended."""
        self._hear()
        said = " ".join(self._said) or "exit code {}".format(self._process.wait())
        if "erroneous pipeline" in said:
            fix = "check the pipeline; `gst-inspect-1.0` lists the elements that are there"
            return DeviceError("a pipeline for " + self._shown, said, fix)
        return self._lost("none; " + said)

    def _lost(self, found: str) -> SourceLostError:
        return SourceLostError("a frame of " + self._shown, found, "check what sends it")

    def _interrupt(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def _release(self) -> None:
        if self._pipe < 0:
            return
        os.close(self._pipe)  # it may wait for us to read
        self._pipe = -1
        try:
            self._process.wait(STOPPING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
