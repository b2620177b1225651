"""What a user changes while cameras run: from the web page, a key, or a signal."""

import threading

from .steady_wait import wait_steadily


class Controls:
    """Set by any thread, read by the loop between frames."""

    def __init__(self, confidence: float, recording: bool = False) -> None:
        """confidence: least score at the start, 0..1; recording: whether it is on at the start."""
        self._lock = threading.Lock()
        self._confidence = confidence
        self._recording = recording
        # No lock guards it: a handler of signals sets it, in the middle of whatever the main thread
        # holds.
        self._stopping = False

    @property
    def confidence(self) -> float:
        """Least score of detections, 0..1."""
        with self._lock:
            return self._confidence

    @confidence.setter
    def confidence(self, value: float) -> None:
        if not 0 <= value <= 1:
            raise ValueError("a confidence of {}, not in 0..1".format(value))
        with self._lock:
            self._confidence = value

    @property
    def recording(self) -> bool:
        """Whether the recorder writes."""
        with self._lock:
            return self._recording

    @recording.setter
    def recording(self, value: bool) -> None:
        with self._lock:
            self._recording = value

    @property
    def stopping(self) -> bool:
        """Whether the run is to end."""
        return self._stopping

    def stop(self) -> None:
        """End the run, soon and in order. Safe in a signal handler, and twice."""
        self._stopping = True

    def wait(self, timeout_s: float) -> bool:
        """Wait for `stop`; return whether it came."""
        return wait_steadily(lambda: self._stopping, timeout_s)
