"""Files in a camera's place: their pace, their end, and the synthetic camera."""

import time

import numpy as np
import pytest
from watched import Watched

from edgedet.runtime import DataError, UsageError
from edgedet.runtime.camera import capture as capture_module
from edgedet.runtime.camera import pace
from edgedet.runtime.camera.live_source import CaptureWish, Granted
from edgedet.runtime.camera.opening import open_live

cv2 = pytest.importorskip("cv2")
FAST = CaptureWish(fast=True)


@pytest.fixture
def clock(monkeypatch):
    """A clock that only waiting moves; returns what was waited."""
    now, waited = [100.0], []
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])

    def wait(done, timeout_s):
        waited.append(round(timeout_s, 6))
        now[0] += timeout_s
        return False

    monkeypatch.setattr(pace, "wait_steadily", wait)
    return waited, now


@pytest.fixture
def video(tmp_path):
    """Five frames, 25 a second; each shows its number in its brightness."""
    path = tmp_path / "five.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, (64, 48))
    for number in range(5):
        writer.write(np.full((48, 64, 3), 40 * number, np.uint8))
    writer.release()
    return path


@pytest.fixture
def images(tmp_path):
    for number in range(3):
        image = np.full((4 + number, 6, 3), number, np.uint8)
        cv2.imwrite(str(tmp_path / "{}.png".format(number)), image)
    return tmp_path


def read(source, most=100):
    frames = []
    while len(frames) < most:
        frame = source.read()
        if frame is None:
            break
        frames.append(frame)
    return frames


def numbers(frames):
    return [int(round(frame.mean() / 40)) for frame in frames]


def test_a_video_comes_at_its_own_pace(video, clock):
    source = open_live(str(video), CaptureWish())
    assert source.live
    assert source.granted == Granted(None, 25.0, "video file")
    assert numbers(read(source)) == [0, 1, 2, 3, 4]
    waited, now = clock
    assert sum(waited) == pytest.approx(4 / 25.0, abs=0.041)


def test_a_video_at_another_pace(video, clock):
    source = open_live(str(video), CaptureWish(fps=2.0))
    assert numbers(read(source)) == [0, 1, 2, 3, 4]
    assert clock[0] == [0.5] * 4


def test_who_is_far_behind_does_not_catch_up(video, clock):
    source = open_live(str(video), CaptureWish(fps=2.0))
    waited, now = clock
    source.read()
    now[0] += 10.0  # whoever looks at them takes long
    read(source)
    assert waited == [0.5] * 3


def test_a_fast_video_loses_nothing(video):
    with Watched(str(video), FAST) as camera:
        frames = []
        for frame in iter(camera.frame, None):
            frames.append(frame.image_bgr)
            time.sleep(0.02)
    assert numbers(frames) == [0, 1, 2, 3, 4]
    assert camera.health.read().counts["dropped"] == 0
    assert camera.capture.error is None


def test_a_video_without_end(video, clock):
    source = open_live(str(video), CaptureWish(loop=True))
    assert numbers(read(source, most=12)) == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    # The last frame of a lap is shown as long as any other.
    assert sum(clock[0]) == pytest.approx(11 / 25.0, abs=0.09)
    source.close()
    assert source.read() is None


def test_images_come_one_a_second_whatever_their_size(images, clock):
    source = open_live(str(images), CaptureWish(loop=True))
    assert source.granted == Granted(None, 1.0, "images")
    assert [frame.shape[0] for frame in read(source, most=7)] == [4, 5, 6, 4, 5, 6, 4]
    assert clock[0] == [1.0] * 6


@pytest.mark.parametrize("uri", ["images", "shapes://64x48"])
def test_a_frame_may_be_shown_for_longer_than_a_camera_may_be_silent(images, monkeypatch, uri):
    """A screen that was recorded stands still for minutes; a camera that does so hangs."""
    monkeypatch.setattr(capture_module, "GRACE_S", 0.0)
    monkeypatch.setattr(capture_module, "WATCH_EVERY_S", 0.02)
    wish = CaptureWish(fps=2.0, silence_s=0.1)
    with Watched(str(images) if uri == "images" else uri, wish) as camera:
        sizes = [frame.image_bgr.shape[0] for frame in camera.frames(3)]
    assert sizes == ([4, 5, 6] if uri == "images" else [48] * 3)
    assert camera.health.read().gaps == 0


def test_globs_and_files_by_uri(images):
    assert len(read(open_live(str(images / "[01].png"), FAST))) == 2
    assert len(read(open_live("file://" + str(images / "2.png"), FAST))) == 1


def test_closing_ends_the_waiting(images):
    camera = Watched(str(images), CaptureWish(fps=0.001))
    with camera:
        camera.frame()
    assert camera.over() is None


@pytest.mark.parametrize("name", ["nowhere.mp4", "empty.mp4", "text.mp4", "nothing/*.png"])
def test_what_is_no_video_ends_it(tmp_path, name):
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_bytes(b"text" * 1000)
    with Watched(str(tmp_path / name), CaptureWish(loop=True)) as camera:
        error = camera.over()
    assert isinstance(error, DataError)
    assert str(tmp_path) in str(error)


@pytest.mark.parametrize("fast", [True, False])
def test_a_broken_image_ends_it(images, fast):
    """Those before it are not looked at again and again."""
    (images / "1.png").write_bytes(b"no image")
    with Watched(str(images), CaptureWish(fast=fast)) as camera:
        assert isinstance(camera.over(), DataError)
    assert camera.health.read().counts["captured"] == 1


def test_real_video_comes_whole(shared_data):
    path = shared_data / "video" / "bottle-detection.mp4"
    capture, count = cv2.VideoCapture(str(path)), 0
    while capture.grab():
        count += 1
    source = open_live(str(path), FAST)
    assert len(read(source, most=10**6)) == count
    assert source.granted.fps == pytest.approx(capture.get(cv2.CAP_PROP_FPS))


def test_shapes_are_what_and_where_they_are_said_to_be(clock):
    source = open_live("shapes://160x120@10", CaptureWish())
    assert source.granted == Granted((120, 160), 10.0, "moving shapes")
    frames = read(source, most=200)
    for number, frame in enumerate(frames):
        assert frame.shape == (120, 160, 3)
        boxes = source.boxes_xyxy(number)
        assert boxes.min() >= 0
        assert (boxes[:, 2] <= 160).all()
        assert (boxes[:, 3] <= 120).all()
        left, top, right, bottom = boxes[-1]  # none hides the last one
        middle = frame[(top + bottom) // 2, (left + right) // 2]
        assert middle.tolist() == [0, 0, 255]  # and it is a red disc
    assert clock[0] == [0.1] * 199
    moved = np.abs(source.boxes_xyxy(199) - source.boxes_xyxy(0)).max(axis=1)
    assert (moved > 5).sum() >= 4


def test_shapes_are_the_same_each_time():
    one, other = (read(open_live("shapes://64x48", FAST), most=5) for _ in range(2))
    assert all((a == b).all() for a, b in zip(one, other))


@pytest.mark.parametrize("size", ["1x1", "1x99", "99x1", "3x2"])
def test_tiny_shapes(size):
    assert len(read(open_live("shapes://{}@9".format(size), FAST), most=50)) == 50


def test_a_terminal_is_no_stream(monkeypatch):
    class Terminal:
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    with pytest.raises(UsageError, match="ffmpeg"):
        open_live("-", CaptureWish())
