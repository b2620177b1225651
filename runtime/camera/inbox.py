"""The newest frame of each camera, until somebody looks at it."""

import threading
import time
from collections import OrderedDict
from typing import Dict, List, Optional, Sequence, Set

from .live_frame import LiveFrame


class Inbox:
    """One slot a camera: a newer frame takes the place of an older one, so that none gets old.

    Each method may be called from any thread.
    """

    def __init__(self, cameras: Sequence[str]) -> None:
        """cameras: their names, all of them."""
        self._changed = threading.Condition()
        # In the order in which they are served: whoever waited longest comes first.
        self._slots: "Dict[str, Optional[LiveFrame]]" = OrderedDict.fromkeys(cameras)
        self._left: Set[str] = set()
        self._closed = False

    def put(self, frame: LiveFrame, wait: bool = False) -> bool:
        """Hand in a frame; return whether an older one was dropped for it.

        wait: until the slot is free, for a source that can wait. A frame that comes after `close`
        or `leave` is not kept.
        """
        with self._changed:
            while wait and self._slots[frame.camera] is not None and self._is_open(frame.camera):
                self._changed.wait()
            if not self._is_open(frame.camera):
                return False
            dropped = self._slots[frame.camera] is not None
            self._slots[frame.camera] = frame
            self._changed.notify_all()
            return dropped

    def take(self, most: int, timeout_s: float) -> List[LiveFrame]:
        """Return what is there, `most` frames at most and one a camera, [] when none comes in time.

        Cameras that waited longest come first. After `close` it returns [] at once.
        """
        end_s = time.monotonic() + timeout_s
        with self._changed:
            while not self._closed:
                ready = [name for name, frame in self._slots.items() if frame is not None]
                if ready:
                    frames = [self._serve(name) for name in ready[:most]]
                    self._changed.notify_all()
                    return frames
                left_s = end_s - time.monotonic()
                if left_s <= 0:
                    break
                self._changed.wait(left_s)
            return []

    @property
    def over(self) -> bool:
        """Whether nothing will ever be there again: closed, or empty and all cameras gone."""
        with self._changed:
            waiting = any(frame is not None for frame in self._slots.values())
            return self._closed or (not waiting and len(self._left) == len(self._slots))

    def leave(self, camera: str) -> None:
        """Let this camera go: its `put` waits no longer and keeps nothing; its frame stays."""
        with self._changed:
            self._left.add(camera)
            self._changed.notify_all()

    def close(self) -> None:
        """End all waiting; what is there is forgotten."""
        with self._changed:
            self._closed = True
            self._slots = OrderedDict.fromkeys(self._slots)
            self._changed.notify_all()

    def _is_open(self, camera: str) -> bool:
        return not self._closed and camera not in self._left

    def _serve(self, camera: str) -> LiveFrame:
        frame = self._slots.pop(camera)
        assert frame is not None
        self._slots[camera] = None  # at the end: the others come first next time
        return frame
