"""USB cameras, with a stand-in for the driver: what is asked for, and what goes wrong."""

import itertools
import logging

import numpy as np
import pytest

from edgedet.runtime import DataError, DeviceError, usb_camera
from edgedet.runtime.usb_camera import UsbCamera, open_live

cv2 = pytest.importorskip("cv2")


class Driver:
    """Gives `count` frames, then none."""

    def __init__(self, count=3, opens=True, grants=None):
        self.count, self.opens, self.released = count, opens, 0
        self.granted = {cv2.CAP_PROP_FPS: 30.0, cv2.CAP_PROP_FOURCC: fourcc("YUYV")}
        self.asked, self._refuses = {}, grants == "nothing"

    def __call__(self, number, api):
        self.opened = (number, api)
        return self

    def isOpened(self):  # noqa: N802 - OpenCV's name
        return self.opens

    def set(self, name, value):
        self.asked[name] = value
        if not self._refuses:
            self.granted[name] = value
        return not self._refuses

    def get(self, name):
        return self.granted.get(name, 0.0)

    def read(self):
        if not self.count:
            return False, None
        self.count -= 1
        return True, np.full((4, 6, 3), self.count, np.uint8)

    def release(self):
        self.released += 1


def fourcc(letters):
    return float(cv2.VideoWriter_fourcc(*letters))


@pytest.fixture
def plugged(monkeypatch, tmp_path):
    """A camera at /dev/video2."""

    def plug(driver):
        monkeypatch.setattr(cv2, "VideoCapture", driver)
        monkeypatch.setattr(usb_camera.os.path, "exists", lambda path: path == "/dev/video2")
        monkeypatch.setattr(usb_camera.os, "access", lambda path, mode: True)
        return driver

    return plug


@pytest.mark.parametrize("uri", ["2", "/dev/video2", "v4l2:///dev/video2"])
def test_frames_come_until_it_is_unplugged(plugged, uri):
    driver = plugged(Driver())
    with open_live(uri) as camera:
        frames = list(itertools.islice(camera, 3))
        assert [frame.name for frame in frames] == ["/dev/video2#{}".format(i) for i in range(3)]
        assert [frame.image_bgr[0, 0, 0] for frame in frames] == [2, 1, 0]
        times = [frame.time_s for frame in frames]
        assert times == sorted(times)
        with pytest.raises(DeviceError, match="found none after 0; check its cable"):
            next(iter(camera))
    assert driver.released
    assert driver.opened == (2, cv2.CAP_V4L2)


def test_motion_jpeg_and_the_newest_frame_are_asked_for(plugged, caplog):
    caplog.set_level(logging.INFO, "edgedet")
    driver = plugged(Driver())
    camera = UsbCamera(2, (720, 1280))
    assert driver.asked == {
        cv2.CAP_PROP_FOURCC: fourcc("MJPG"),
        cv2.CAP_PROP_FRAME_HEIGHT: 720,
        cv2.CAP_PROP_FRAME_WIDTH: 1280,
        cv2.CAP_PROP_BUFFERSIZE: 1,
    }
    assert caplog.messages == ["/dev/video2: 1280x720 MJPG at 30 fps"]
    assert camera.fps == 30.0


def test_what_the_driver_refuses_is_told_as_it_is(plugged, caplog):
    caplog.set_level(logging.INFO, "edgedet")
    driver = plugged(Driver(grants="nothing"))
    driver.granted.update({cv2.CAP_PROP_FRAME_WIDTH: 640.0, cv2.CAP_PROP_FRAME_HEIGHT: 480.0})
    UsbCamera(2, (720, 1280))
    assert caplog.messages == ["/dev/video2: 640x480 YUYV at 30 fps"]


def test_a_camera_that_is_not_there(plugged):
    plugged(Driver())
    with pytest.raises(DeviceError, match="/dev/video5, found none; plug it in"):
        open_live("5")


def test_a_camera_of_others(plugged, monkeypatch):
    plugged(Driver())
    monkeypatch.setattr(usb_camera.os, "access", lambda path, mode: False)
    with pytest.raises(DeviceError, match="usermod -aG video"):
        open_live("2")


def test_a_camera_that_is_taken(plugged):
    plugged(Driver(opens=False))
    with pytest.raises(DeviceError, match="does not open; close what else uses it"):
        open_live("2")


def test_anything_else_is_a_source_of_files(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 6, 3), np.uint8))
    assert len(list(open_live(str(tmp_path)))) == 1
    with pytest.raises(DataError):
        open_live("nowhere.mp4")
