import numpy as np
import pytest

from edgedet.runtime.detections import Detections
from edgedet.runtime.sinks import AnnotatedImages, AnnotatedVideo
from edgedet.runtime.sources import Frame, open_source

cv2 = pytest.importorskip("cv2")


def frame(index, time_s, name="camera"):
    return Frame(np.full((48, 64, 3), 20 * index, np.uint8), name, index, time_s)


def put(path, times_s, fps):
    with AnnotatedVideo(path, ("a",), fps) as video:
        for index, time_s in enumerate(times_s):
            video.put(frame(index, time_s), Detections.empty())
    with open_source(path) as source:
        return [int(seen.image_bgr.mean() / 20 + 0.5) for seen in source]


def test_a_frame_of_a_video_stands_there_once(tmp_path):
    assert put(tmp_path / "a.mp4", [i / 29.97 for i in range(6)], 29.97) == list(range(6))


def test_frames_without_a_time_stand_there_once(tmp_path):
    assert put(tmp_path / "a.mp4", [None] * 4, 0.0) == list(range(4))


def test_images_of_one_name_are_kept_apart(tmp_path):
    with AnnotatedImages(tmp_path, ("a",)) as images:
        for index in range(2):
            images.put(frame(index, None, "{}/x.png".format(index)), Detections.empty())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1_x.png", "x.png"]


def test_a_name_that_another_image_has_already_is_not_given(tmp_path):
    names = ["2_x.png", "a/x.png", "b/x.png"]
    with AnnotatedImages(tmp_path, ("a",)) as images:
        for index, name in enumerate(names):
            images.put(frame(index, None, name), Detections.empty())
    assert len(list(tmp_path.iterdir())) == len(names)
