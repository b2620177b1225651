"""A capture and what comes out of it, for tests."""

import os
import threading
import time
from pathlib import Path

from clock_blocks import age_ms

from edgedet.runtime.camera.back_off import PATIENT
from edgedet.runtime.camera.capture import Capture
from edgedet.runtime.camera.health import Health
from edgedet.runtime.camera.inbox import Inbox
from edgedet.runtime.camera.live_source import CaptureWish

NOTHING = CaptureWish()
LONG_S = 60.0
"""Nothing takes so long unless it is broken."""


class Watched:
    def __init__(self, uri, wish=NOTHING, recovery=PATIENT):
        self.inbox, self.health = Inbox(["camera"]), Health("camera")
        self.capture = Capture("camera", uri, wish, self.inbox, self.health, recovery)
        self.numbers = []

    def __enter__(self):
        self.capture.start()
        return self

    def __exit__(self, *_):
        self.capture.close()

    def frame(self, most_s=LONG_S):
        """The next frame; None at the end."""
        end_s = time.monotonic() + most_s
        while not self.inbox.over:
            found = self.inbox.take(1, 0.1)
            if found:
                self.numbers.append(found[0].number)
                return found[0]
            assert time.monotonic() < end_s, self.health.read()
        return None

    def frames(self, count):
        return [self.frame() for _ in range(count)]

    def rest(self):
        """All frames to the end."""
        return list(iter(self.frame, None))

    def first_made_after(self, moment_s):
        """The first frame that shows a later time."""
        while True:
            frame = self.frame()
            if frame.captured_s - age_ms(frame.image_bgr, frame.captured_s) / 1000 > moment_s:
                return frame

    def wait_for(self, state, most_s=LONG_S):
        end_s = time.monotonic() + most_s
        while self.health.read().state != state:
            self.inbox.take(1, 0.05)
            assert not self.capture.ended, self.capture.error
            assert time.monotonic() < end_s, self.health.read()

    def over(self, most_s=LONG_S):
        """Wait for the end; return its error."""
        end_s = time.monotonic() + most_s
        while not self.capture.ended:
            self.inbox.take(1, 0.05)
            assert time.monotonic() < end_s, self.health.read()
        return self.capture.error


def held():
    """How many threads and file descriptors this process has."""
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


def settles_to(before, most_s=30.0):
    """Whether no more threads and file descriptors are held, once those that were left are gone."""
    end_s = time.monotonic() + most_s
    while any(now > then for now, then in zip(held(), before)):
        if time.monotonic() > end_s:
            return False
        time.sleep(0.02)
    return True


def rss_kb():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
