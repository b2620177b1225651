"""What the page serves, by real sockets."""

import time

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="the page draws with OpenCV")

from web_scene import pictures_of, scene, seen, zone  # noqa: E402


def decoded(jpeg):
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_the_picture_moves():
    with scene() as s:
        s.keep_showing()
        connection = s.connect()
        connection.request("GET", "/stream/camera.mjpg")
        answer = connection.getresponse()
        shown = [decoded(jpeg) for jpeg in pictures_of(answer, 4)]
        connection.close()
    assert [image.shape for image in shown] == [(120, 160, 3)] * 4
    assert len({int(image[110, 150].mean()) for image in shown}) > 1


def test_the_state_counts_objects_and_zones():
    with scene() as s:
        s.show(7, zones=[zone("door", (1, 0, 2), (5, 0, 0), (1, 0, 0)), zone("line", ())])
        state = s.state()
    (camera,) = state["cameras"]
    assert (state["confidence"], state["recording"], state["can_record"]) == (0.25, False, False)
    assert (camera["name"], camera["state"]) == ("camera", "live")
    assert camera["frame"] == {"number": 7, "width": 160, "height": 120}
    assert [(c["class"], c["count"]) for c in camera["classes"]] == [("bottle", 2), ("person", 1)]
    door, line = camera["zones"]
    assert (door["inside"], door["passed"]) == ({"bottle": 1, "person": 2}, {"bottle": 5})
    assert (door["passed_back"], door["line"], line["line"]) == ({"bottle": 1}, False, True)
    assert (camera["age_ms"], camera["inference_ms"]) == (25.0, 12.0)


def test_frames_that_nobody_watches_are_not_encoded(monkeypatch):
    encoded = []
    with scene(most_fps=1000.0) as s:
        real = s.server._site.pictures._encode
        counting = lambda one: encoded.append(one.frame.number) or real(one)  # noqa: E731
        monkeypatch.setattr(s.server._site.pictures, "_encode", counting)
        for number in range(50):
            s.show(number)
        s.state()
        assert encoded == []
        s.ask("/snapshot/camera.jpg?live")
        s.ask("/snapshot/camera.jpg?live")
    assert encoded == [49]


def test_a_put_is_cheap():
    with scene() as s:
        one = seen(size_hw=(1080, 1920))
        began = time.monotonic()
        for _ in range(1000):
            s.server.put(one)
        assert time.monotonic() - began < 1.0  # encoding would take 10 s and more
