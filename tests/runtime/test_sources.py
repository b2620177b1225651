from pathlib import Path

import numpy as np
import pytest

from edgedet.runtime import DataError, UsageError
from edgedet.runtime.sources import open_source

cv2 = pytest.importorskip("cv2")


def _write(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((6, 8, 3), value, np.uint8))


def _video(path, frames=7, fps=10):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), fps, (64, 48))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no videos")
    for i in range(frames):
        writer.write(np.full((48, 64, 3), 30 * i, np.uint8))
    writer.release()
    return path


def test_one_image(tmp_path):
    _write(tmp_path / "a.png", 9)
    with open_source(str(tmp_path / "a.png")) as source:
        (frame,) = source
    assert source.length == 1
    assert (frame.name, frame.index, frame.time_s) == (str(tmp_path / "a.png"), 0, None)
    assert (frame.image_bgr == 9).all()


def test_a_folder_gives_its_images_sorted(tmp_path):
    for name in ("b.png", "a.PNG", "c.bmp"):
        _write(tmp_path / name)
    (tmp_path / "notes.txt").write_text("x")
    with open_source(tmp_path) as source:
        frames = list(source)
    assert [Path(frame.name).name for frame in frames] == ["a.PNG", "b.png", "c.bmp"]
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert source.length == 3


def test_still_images_can_be_gone_through_twice(tmp_path):
    _write(tmp_path / "a.png")
    source = open_source(tmp_path)
    assert len(list(source)) == len(list(source)) == 1


def test_a_glob_gives_its_images_sorted(tmp_path):
    for name in ("2/b.png", "1/z.png", "1/b.bmp"):
        _write(tmp_path / name)
    names = [frame.name for frame in open_source(str(tmp_path / "**" / "*.png"))]
    assert names == [str(tmp_path / "1" / "z.png"), str(tmp_path / "2" / "b.png")]


def test_a_file_with_brackets_in_its_name_is_itself(tmp_path):
    _write(tmp_path / "a[1].png")
    assert open_source(str(tmp_path / "a[1].png")).length == 1


def test_a_video_gives_frames_with_their_times(tmp_path):
    path = _video(tmp_path / "v.avi")
    with open_source(path) as source:
        assert source.length == 7
        frames = list(source)
    assert [frame.index for frame in frames] == list(range(7))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(7) / 10)
    assert frames[3].name == "{}#3".format(path)
    assert abs(int(frames[3].image_bgr.mean()) - 90) < 5


def test_a_corrupt_image_in_a_folder_is_named_when_its_turn_comes(tmp_path):
    _write(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no image")
    frames = iter(open_source(tmp_path))
    next(frames)
    with pytest.raises(DataError, match=r"b\.png"):
        next(frames)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("missing.jpg", "no such file"),
        ("missing", "no such file"),
        ("empty", "images"),
        ("empty/*.jpg", "none"),
        ("notes.txt", "an image or a video"),
        ("junk.mp4", "video"),
    ],
)
def test_what_gives_no_frame_is_a_data_error(tmp_path, uri, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "junk.mp4").write_bytes(b"junk" * 100)
    with pytest.raises(DataError, match=message):
        list(open_source(str(tmp_path / uri)))


@pytest.mark.parametrize("uri", ["0", "rtsp://camera/1", "csi://0", "-"])
def test_a_camera_is_a_usage_error(uri):
    with pytest.raises(UsageError, match="a file, a folder or a glob"):
        open_source(uri)


def test_a_video_cut_short_is_told(tmp_path, caplog, shared_data):
    data = (shared_data / "video" / "car-detection.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[:100000])
    with open_source(tmp_path / "cut.mp4") as source:
        frames = sum(1 for _ in source)
    assert 0 < frames < 377
    assert "of 377 frames" in caplog.text


def test_the_real_video_decodes_whole(shared_data):
    with open_source(shared_data / "video" / "car-detection.mp4") as source:
        assert source.length == 377
        times = [frame.time_s for frame in source]
    assert len(times) == 377
    assert times[-1] == pytest.approx(376 / 12.5)
