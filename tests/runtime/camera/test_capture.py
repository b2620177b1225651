"""The capture against sources that fail in every way: it goes on, or ends with the right error."""

import gc
import logging
import threading
import time
import weakref

import numpy as np
import pytest
from watched import Watched

from edgedet.runtime import DataError, DeviceError, UsageError
from edgedet.runtime.camera import capture as capture_module
from edgedet.runtime.camera.back_off import BackOff, Recovery
from edgedet.runtime.camera.health import ENDED, LIVE
from edgedet.runtime.camera.live_source import (
    CaptureWish,
    Granted,
    LiveSource,
    SourceLostError,
)

QUICK = Recovery(first_wait_s=0.01, longest_wait_s=0.02, closing_s=0.5)
WISH = CaptureWish(silence_s=0.2)
LOST_ERROR = SourceLostError("a frame", "none", "wait")
LONG_S = 30.0


def thread_names():
    return [thread.name for thread in threading.enumerate()]


@pytest.fixture(autouse=True)
def _no_grace_and_nothing_left(monkeypatch):
    monkeypatch.setattr(capture_module, "GRACE_S", 0.1)
    monkeypatch.setattr(capture_module, "WATCH_EVERY_S", 0.02)
    yield
    deadline_s = time.monotonic() + LONG_S
    while {"read-camera", "watch-camera"} & set(thread_names()):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


class Scripted(LiveSource):
    """Gives what a list says: sizes are frames, errors are raised, functions are called."""

    def __init__(self, *steps, live=True):
        self.steps, self.live = list(steps), live
        self.closed = threading.Event()

    granted = Granted(None, 30.0, "script")

    def read(self):
        if not self.steps:
            return None
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        if callable(step):
            return step(self)
        return np.zeros(step + (3,), np.uint8)

    def close(self):
        self.closed.set()


def hang(source):
    """Does not come back before long, whatever is closed."""
    time.sleep(2)
    return np.zeros((9, 9, 3), np.uint8)


def steady(source):
    """A frame, and another one after it."""
    time.sleep(0.02)
    source.steps.append(steady)
    return np.zeros((4, 4, 3), np.uint8)


def wait_until_closed(source):
    source.closed.wait(LONG_S)


@pytest.fixture
def play(monkeypatch):
    """A capture whose openings give these, one after the other; an error is raised instead."""

    def start(*openings, wish=WISH, recovery=QUICK):
        left = list(openings)

        def open_live(uri, asked):
            assert (uri, asked) == ("rtsp://user:geheim@h/x", wish)
            opening = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(opening, Exception):
                raise opening
            return opening

        monkeypatch.setattr(capture_module, "open_live", open_live)
        return Watched("rtsp://user:geheim@h/x", wish, recovery)

    return start


def test_a_file_ends_without_error(play):
    source = Scripted((2, 2), (2, 2), live=False)
    with play(source) as camera:
        assert [frame.number for frame in camera.rest()] == [0, 1]
        assert camera.over() is None
    assert camera.health.read().state == ENDED
    assert source.closed.is_set()


def test_a_lost_source_is_opened_again_and_its_frames_are_counted_on(play, caplog):
    caplog.set_level(logging.INFO, "edgedet")
    openings = [
        LOST_ERROR,
        Scripted((2, 2), (2, 2), LOST_ERROR, live=True),
        LOST_ERROR,
        LOST_ERROR,
        DeviceError("a camera", "none", "plug it in"),
        Scripted((4, 6), wait_until_closed),
    ]
    with play(*openings) as camera:
        camera.wait_for(LIVE)
        while camera.health.read().counts["captured"] < 3:
            camera.inbox.take(1, 0.01)
        vitals = camera.health.read()
    assert vitals.reopened == 5
    assert vitals.gaps == 2
    assert vitals.granted == "6x4 script at 30 fps"
    assert caplog.messages == [
        # Once for each trouble, not for each attempt.
        "camera: expected a frame, found none; wait; trying again",
        caplog.messages[1],
        "camera: 2x2 script at 30 fps",
        "camera: expected a frame, found none; wait; trying again",
        "camera: expected a camera, found none; plug it in; trying again",
        caplog.messages[5],
        "camera: 6x4 script at 30 fps",
    ]
    assert caplog.messages[1].startswith("camera: frames again, after a gap of")


def test_a_reader_that_failed_keeps_no_frame(play):
    """Not even until Python next looks for cycles: frames are large, and cameras run for days."""
    gc.disable()
    try:
        sources = [Scripted((2, 2), LOST_ERROR) for _ in range(3)]
        frames = [weakref.ref(source) for source in sources]
        with play(*sources, LOST_ERROR) as camera:
            del sources
            while camera.health.read().reopened < 5:
                camera.inbox.take(1, 0.01)
            assert [frame() for frame in frames] == [None] * 3
    finally:
        gc.enable()


def test_a_size_that_changes_is_taken_as_it_comes(play, caplog):
    caplog.set_level(logging.INFO, "edgedet")
    with play(Scripted((2, 2), (4, 6), (4, 6), live=False)) as camera:
        assert [frame.image_bgr.shape[:2] for frame in camera.rest()] == [(2, 2), (4, 6), (4, 6)]
    assert caplog.messages == ["camera: 2x2 script at 30 fps", "camera: 6x4 script at 30 fps"]


@pytest.mark.parametrize(
    "error",
    [
        UsageError("a source", "none", "give one"),
        DataError("a file", "none", "give one"),
        DeviceError("a device", "none", "plug it in"),
        ZeroDivisionError("a bug"),
    ],
)
def test_what_cannot_mend_itself_ends_it(play, error):
    with play(error) as camera:
        assert camera.over() is error
        assert camera.health.read().state == ENDED


@pytest.mark.parametrize(
    ("error", "live"), [(ZeroDivisionError("a bug"), True), (DataError("a", "b", "c"), False)]
)
def test_a_bug_and_a_broken_file_end_it_later_too(play, error, live):
    with play(Scripted((2, 2), error, live=live)) as camera:
        assert camera.over() is error


def test_a_machine_short_of_memory_or_files_is_waited_for(play, caplog):
    """It had them before: a process for GStreamer, a socket."""
    error = OSError(12, "Cannot allocate memory")
    with play(Scripted((2, 2), LOST_ERROR), error, error, Scripted(steady)) as camera:
        shapes = [camera.frame().image_bgr.shape[:2] for _ in range(2)]
    assert shapes == [(2, 2), (4, 4)]
    assert "camera: [Errno 12] Cannot allocate memory; trying again" in caplog.messages


def test_a_reader_that_hangs_is_left_and_its_late_frame_is_ignored(play, caplog):
    hanging = Scripted((2, 2), hang)
    with play(hanging, Scripted(steady)) as camera:
        shapes = [camera.frame().image_bgr.shape[:2]]
        shapes.append(camera.frame().image_bgr.shape[:2])
        assert camera.capture.abandoned == 1
        while hanging.steps or sum(name == "read-camera" for name in thread_names()) > 1:
            shapes.append(camera.frame().image_bgr.shape[:2])
        vitals = camera.health.read()
    assert set(shapes) == {(2, 2), (4, 4)}
    assert (vitals.gaps, vitals.state) == (1, LIVE)
    assert any("a read does not return" in line for line in caplog.messages)


def test_readers_that_hang_again_and_again_end_it(play):
    openings = [Scripted((2, 2), hang) for _ in range(5)]
    with play(*openings) as camera:
        error = camera.over()
    assert isinstance(error, DeviceError)
    assert "3 readers of rtsp://h/x that hang" in str(error)
    assert camera.capture.abandoned == 3


def test_an_opening_that_hangs_is_left_as_well(play, monkeypatch):
    opened = threading.Event()
    with play(LOST_ERROR, recovery=QUICK._replace(opening_s=0.1)) as camera:
        monkeypatch.setattr(capture_module, "open_live", lambda uri, wish: opened.wait(LONG_S))
        error = camera.over()
        opened.set()
    assert "readers of rtsp://h/x that hang" in str(error)


def test_a_reader_that_waits_for_the_inbox_does_not_hang(play):
    with play(Scripted((2, 2), (2, 2), (2, 2), live=False)) as camera:
        time.sleep(1)
        assert len(camera.rest()) == 3
        assert camera.capture.abandoned == 0


@pytest.mark.parametrize(
    "steps", [[wait_until_closed], [hang], [(2, 2), (2, 2)], [LOST_ERROR] * 99]
)
def test_closing_never_hangs(play, steps):
    """Not while it waits for a frame, nor for the inbox, nor for a driver, nor to try again."""
    live = steps[-1] != (2, 2)
    camera = play(Scripted(*steps, live=live), recovery=QUICK._replace(longest_wait_s=60.0))
    with camera:
        time.sleep(0.1)
        begin_s = time.monotonic()
    assert time.monotonic() - begin_s < 1.9  # `hang` takes 2 s
    assert camera.capture.error is None
    assert camera.inbox.over or camera.inbox.take(1, 0)
    camera.capture.close()


def test_closing_one_that_never_began():
    Watched("0").capture.close()


def test_what_nobody_takes_is_dropped_and_counted(play):
    with play(Scripted(*[(2, 2)] * 50)) as camera:
        deadline_s = time.monotonic() + LONG_S
        while not camera.capture.ended:
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        assert camera.health.read().counts["dropped"] == 49
        assert camera.frame().number == 49
        assert camera.frame() is None


def test_a_clock_that_is_set_changes_nothing(play, monkeypatch):
    """Ages and gaps are counted on a clock that does not step."""
    wall = [1e9]
    monkeypatch.setattr(time, "time", lambda: wall[0])

    def step(by_s):
        def read(source):
            wall[0] += by_s
            return np.zeros((2, 2, 3), np.uint8)

        return read

    source = Scripted(step(1e6), step(-1e8), step(3600.0), live=False)
    with play(source) as camera:
        frames = camera.rest()
    captured_s = [frame.captured_s for frame in frames]
    assert captured_s == sorted(captured_s)
    assert captured_s[-1] - captured_s[0] < LONG_S
    assert [frame.epoch_s for frame in frames] == [1e9 + 1e6, 9.01e8, 9.01e8 + 3600]
    vitals = camera.health.read()
    assert (vitals.gaps, vitals.gap_s, camera.capture.abandoned) == (0, 0.0, 0)


def test_the_waits_double_to_the_longest():
    back_off = BackOff(Recovery(first_wait_s=0.5, longest_wait_s=3.0))
    assert [back_off.next_s() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    back_off.reset()
    assert back_off.next_s() == 0.5
