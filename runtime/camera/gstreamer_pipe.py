"""Frames of GStreamer without OpenCV's help: gst-launch-1.0 writes them into a pipe."""

import fcntl
import os
import re
import select
import shutil
import signal
import subprocess
import time
from collections import deque
from typing import TYPE_CHECKING, Deque, Optional

import numpy as np

from ..errors import DeviceError
from .gstreamer_pipelines import complaint_of, launch_words
from .guarded_source import GuardedSource
from .live_source import Granted, SourceLostError
from .source_uri import SourceUri, redacted
from .y4m_frames import FRAME, Y4mHead, bgr_of, head_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROGRAM = "gst-launch-1.0"
OPENING_S = 15.0
"""Until the first frame."""
STOPPING_S = 2.0
"""For the program to end in order: who kills a reader of a CSI camera blocks it for the next."""
PIPE_BYTES = 1 << 20
"""So much the kernel is to hold, instead of 64 kB: fewer changes between the two processes."""
MOST_LINES = 100
"""Of what it said that are kept: what it complains of comes early or at once before its end."""
CHECK_IT = "check the pipeline; `gst-inspect-1.0` lists the elements that are there"
MOST_HEAD_BYTES = 512
"""A frame, and the lines before it, begin in so many."""
MOST_TEXT_BYTES = 1 << 16
_LENGTH = re.compile(rb"Content-Length: (\d+)")
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ of Linux; Python names it from 3.10 on


def has_program() -> bool:
    """Return whether gst-launch-1.0 is installed."""
    return shutil.which(PROGRAM) is not None


def has_element(name: str) -> bool:
    """Return whether GStreamer has an element of that name."""
    try:
        asked = subprocess.run(
            ["gst-inspect-1.0", "--exists", name],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=OPENING_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


class GstreamerPipe(GuardedSource):
    """A process of its own: when it hangs it is killed, and when it crashes it crashes alone."""

    def __init__(self, source: SourceUri, pipeline: str, form: str, fix: str = CHECK_IT) -> None:
        """pipeline: up to its sink. fix: for one that cannot be built.

        DeviceError without gst-launch-1.0.
        """
        super().__init__()
        if not has_program():
            install = "run: sudo apt-get install gstreamer1.0-tools gstreamer1.0-plugins-good"
            raise DeviceError(PROGRAM, "none", install)
        self._shown, self._form, self._fix = source.shown, form, fix
        self._silence_s = source.wish.silence_s
        self._head: Optional[Y4mHead] = None
        self._ahead = bytearray()
        self._part = np.empty(0, np.uint8)
        self._frames_seen = 0
        self._text = bytearray()
        self._said: Deque[str] = deque(maxlen=MOST_LINES)
        self._start(pipeline)

    @property
    def granted(self) -> Granted:
        """What the pipeline tells once frames come."""
        if self._head is None:
            return Granted(None, 0.0, self._form)
        return Granted(self._head.size_hw, self._head.fps, self._form)

    def _start(self, pipeline: str) -> None:
        self._pipe, theirs = os.pipe()
        try:
            fcntl.fcntl(self._pipe, _SET_PIPE_SIZE, PIPE_BYTES)
        except OSError:
            pass  # more than this user may have: the smaller one does
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
        self._poll = select.poll()
        for descriptor in (self._pipe, self._said_pipe):
            self._poll.register(descriptor, select.POLLIN | select.POLLHUP)

    def _next(self) -> "Optional[NDArray[np.uint8]]":
        end_s = time.monotonic() + (self._silence_s if self._frames_seen else OPENING_S)
        length = self._await_part(end_s)
        if length is None or not self._take_part(length, end_s):
            return None
        pixels = self._part[self._begin_of_pixels() :]
        if self._head is None or len(pixels) != self._head.frame_bytes:
            raise self._lost("frames of another size")
        self._frames_seen += 1
        return bgr_of(pixels, self._head)

    def _await_part(self, end_s: float) -> Optional[int]:
        """Read up to the bytes of the next frame; return how many these are, None when closing."""
        while b"\r\n\r\n" not in self._ahead:
            if len(self._ahead) > MOST_HEAD_BYTES:
                raise self._lost("frames out of step")
            if not self._wait(end_s):
                return None
            part = os.read(self._pipe, MOST_HEAD_BYTES)
            if not part:
                self._check_end()
                return None
            self._ahead += part
        said, _, rest = bytes(self._ahead).partition(b"\r\n\r\n")
        self._ahead = bytearray(rest)
        found = _LENGTH.search(said)
        if found is None:
            raise self._lost("frames out of step")
        return int(found.group(1))

    def _take_part(self, length: int, end_s: float) -> bool:
        """Read the bytes of a frame; False when closing."""
        if len(self._part) != length:
            self._part = np.empty(length, np.uint8)
        begin = self._ahead[:length]
        self._part[: len(begin)] = np.frombuffer(bytes(begin), np.uint8)
        del self._ahead[: len(begin)]
        return self._fill(memoryview(self._part.data)[len(begin) :], end_s)

    def _begin_of_pixels(self) -> int:
        """Return where they begin, behind the line of the frame; the first has one more before."""
        begin = self._part[:MOST_HEAD_BYTES].tobytes()
        at = begin.find(FRAME)
        if at < 0:
            raise self._lost("frames out of step")
        if at > 0:
            self._head = head_of(begin[:at])
            if self._head is None:
                raise self._lost("frames in another form")
        return at + len(FRAME)

    def _fill(self, wanted: memoryview, end_s: float) -> bool:
        """Read so many bytes of frames; False when closing."""
        filled = 0
        while filled < len(wanted):
            if not self._wait(end_s):
                return False
            count = os.readv(self._pipe, [wanted[filled:]])
            if count == 0:
                self._check_end()
                return False
            filled += count
        return True

    def _check_end(self) -> None:
        """Raise why there are no more frames, unless it is because of `close`."""
        if not self._closing.is_set():
            raise self._gone()

    def _wait(self, end_s: float) -> bool:
        """Wait for bytes of frames; False when closing, raise when it takes long."""
        while True:
            ready = self._poll.poll(max(0, int(1000 * (end_s - time.monotonic()))))
            if self._closing.is_set():
                return False
            if not ready:
                raise self._lost("none")
            names = [descriptor for descriptor, _ in ready]
            if self._said_pipe in names and not self._hear():
                self._poll.unregister(self._said_pipe)
            if self._pipe in names:
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
                self._said.append(redacted(line.decode("utf-8", "replace").strip()))

    def _gone(self) -> DeviceError:
        """Return why the program ended."""
        self._hear()
        said = complaint_of(list(self._said)) or "exit code {}".format(self._process.wait())
        if said.startswith("erroneous pipeline"):
            return DeviceError("a pipeline for " + self._shown, said, self._fix)
        return self._lost("none ({})".format(said))

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
