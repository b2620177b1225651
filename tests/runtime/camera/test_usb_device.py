"""USB cameras, with a stand-in for the driver: what is asked for, and what goes wrong."""

import logging
import threading

import numpy as np
import pytest
from fake_driver import FakeDriver
from watched import Watched

from edgedet.runtime import DeviceError
from edgedet.runtime.camera import usb_device
from edgedet.runtime.camera.back_off import Recovery
from edgedet.runtime.camera.health import LIVE, LOST
from edgedet.runtime.camera.live_source import CaptureWish, SourceLostError
from edgedet.runtime.camera.opening import open_live

cv2 = pytest.importorskip("cv2")
WISH = CaptureWish()
LINK = "/dev/v4l/by-id/usb-camera"


@pytest.fixture
def machine(monkeypatch):
    """Devices of a machine: what is plugged in, and what may be opened."""
    names = {"/dev/video2", LINK, "/dev/zero"}
    places = {LINK: "/dev/video2"}
    monkeypatch.setattr(usb_device.os.path, "exists", lambda path: path in names)
    monkeypatch.setattr(usb_device.os.path, "realpath", lambda path: places.get(path, path))
    monkeypatch.setattr(usb_device.os, "access", lambda path, mode: True)

    def plug(driver):
        monkeypatch.setattr(cv2, "VideoCapture", driver)
        return driver

    plug.names = names
    return plug


def test_the_stand_in_has_what_the_real_one_has():
    ours = {name for name in vars(FakeDriver) if not name.startswith("_")}
    assert ours == {"isOpened", "set", "get", "read", "release"}
    assert all(callable(getattr(cv2.VideoCapture, name)) for name in ours)
    real = cv2.VideoCapture("nothing.mp4", cv2.CAP_FFMPEG)
    assert (real.isOpened(), real.read()) == (False, (False, None))
    assert isinstance(real.get(cv2.CAP_PROP_FPS), float)
    assert isinstance(real.set(cv2.CAP_PROP_FPS, 5), bool)


@pytest.mark.parametrize("uri", ["2", "/dev/video2", "v4l2:///dev/video2", "v4l2://2", LINK])
def test_a_camera_has_many_names(machine, uri):
    driver = machine(FakeDriver(cv2))
    with open_live(uri, WISH) as camera:
        assert [camera.read()[0, 0, 0] for _ in range(3)] == [2, 1, 0]
        with pytest.raises(SourceLostError, match="found none; check its cable"):
            camera.read()
    assert driver.released
    assert driver.opened == (2, cv2.CAP_V4L2)


def test_motion_jpeg_and_the_newest_frame_are_asked_for(machine):
    driver = machine(FakeDriver(cv2))
    open_live("v4l2:///dev/video2?size=1280x720&fps=15", WISH)
    assert list(driver.asked.items()) == [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter_fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_HEIGHT, 720),
        (cv2.CAP_PROP_FRAME_WIDTH, 1280),
        (cv2.CAP_PROP_FPS, 15.0),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ]


def test_what_the_driver_refuses_is_told_as_it_is(machine, caplog):
    caplog.set_level(logging.INFO, "edgedet")
    machine(FakeDriver(cv2, refuses=True))
    with Watched("2", CaptureWish(size_hw=(720, 1280), fps=60)) as camera:
        camera.frame()
    # The frame itself tells its size.
    assert caplog.messages[0] == (
        "camera: asked 1280x720 MJPG at 60 fps, granted 6x4 YUYV at 30 fps"
    )
    assert camera.health.read().granted == "6x4 YUYV at 30 fps"


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("5", "/dev/video5, found none; plug it in"),
        ("/dev/zero", "found a device that is no camera"),
    ],
)
def test_a_camera_that_is_not_there_ends_it(machine, uri, message):
    machine(FakeDriver(cv2))
    with Watched(uri) as camera:
        error = camera.over()
    assert isinstance(error, DeviceError)
    assert message in str(error)


def test_a_camera_of_others(machine, monkeypatch):
    machine(FakeDriver(cv2))
    monkeypatch.setattr(usb_device.os, "access", lambda path, mode: False)
    with pytest.raises(DeviceError, match="usermod -aG video"):
        open_live("2", WISH)


def test_a_camera_that_is_taken(machine):
    machine(FakeDriver(cv2, opens=False))
    with pytest.raises(DeviceError, match="does not open; close what else uses it"):
        open_live("2", WISH)


def test_a_frame_that_is_damaged_is_not_the_end(machine):
    driver = machine(FakeDriver(cv2, count=1))
    reads = iter([(False, None), (False, None), (True, np.zeros((4, 6, 3), np.uint8))])
    driver.read = lambda: next(reads)
    with open_live("2", WISH) as camera:
        assert camera.read().shape == (4, 6, 3)


def test_an_unplugged_camera_is_back_when_it_is_plugged_in(machine):
    driver = machine(FakeDriver(cv2, count=2))
    with Watched("2", recovery=Recovery(first_wait_s=0.01, longest_wait_s=0.01)) as camera:
        camera.frame()
        camera.wait_for(LOST)
        machine.names.remove("/dev/video2")
        while "plug it in" not in camera.health.read().trouble:
            camera.inbox.take(1, 0.01)
        driver.count = 100000
        machine.names.add("/dev/video2")
        camera.wait_for(LIVE)
        vitals = camera.health.read()
        assert vitals.reopened >= 2
        assert vitals.gaps == 1
    assert camera.capture.error is None


def test_closing_leaves_a_driver_alone_that_another_thread_reads(machine):
    driver = machine(FakeDriver(cv2))
    reading, go_on = threading.Event(), threading.Event()

    def read():
        reading.set()
        go_on.wait(30)
        assert not driver.released
        return True, np.zeros((4, 6, 3), np.uint8)

    driver.read = read
    camera, got = open_live("2", WISH), []
    reader = threading.Thread(target=lambda: got.append(camera.read()))
    reader.start()
    reading.wait(30)
    camera.close()
    assert not driver.released
    go_on.set()
    reader.join(30)
    assert got == [None]
    assert driver.released == 1
    assert camera.read() is None
