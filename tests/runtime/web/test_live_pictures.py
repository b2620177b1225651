"""When a live picture is drawn and encoded, and who gets it."""

import threading
import time

import pytest

pytest.importorskip("cv2", reason="the page draws with OpenCV")

from web_scene import pictures_of, scene, seen  # noqa: E402


def watched_encoding(s, monkeypatch):
    """The numbers of the frames that are encoded from now on."""
    encoded, pictures = [], s.server._site.pictures
    real = pictures._encode
    monkeypatch.setattr(
        pictures, "_encode", lambda one: encoded.append(one.frame.number) or real(one)
    )
    return encoded


def test_frames_that_nobody_watches_are_not_encoded(monkeypatch):
    with scene(most_fps=1000.0) as s:
        encoded = watched_encoding(s, monkeypatch)
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


def test_two_who_watch_share_the_encoding(monkeypatch):
    with scene(most_fps=1000.0) as s:
        encoded = watched_encoding(s, monkeypatch)
        s.show(0)
        connections = [s.connect() for _ in range(3)]
        streams = []
        for connection in connections:
            connection.request("GET", "/stream/camera.mjpg")
            streams.append(pictures_of(connection.getresponse(), 20))
        shown = [[next(stream) for stream in streams]]
        for number in range(1, 20):
            s.show(number)
            shown.append([next(stream) for stream in streams])
        for connection in connections:
            connection.close()
    assert encoded == list(range(20))
    assert all(len(set(pictures)) == 1 for pictures in shown)
    assert len({pictures[0] for pictures in shown}) > 1


def test_who_comes_while_a_picture_is_encoded_gets_that_one(monkeypatch):
    """Not the last one that somebody watched, however long ago that was."""
    with scene(most_fps=1e6) as s:
        s.show(0)
        old = s.ask("/snapshot/camera.jpg?live")[2]
        real, begun, go_on = s.server._site.pictures._encode, threading.Event(), threading.Event()
        slow = lambda one: begun.set() or go_on.wait(10) and real(one)  # noqa: E731
        monkeypatch.setattr(s.server._site.pictures, "_encode", slow)
        s.show(1)
        got = []
        ask = lambda: got.append(s.ask("/snapshot/camera.jpg?live")[2])  # noqa: E731
        threads = [threading.Thread(target=ask) for _ in range(2)]
        threads[0].start()
        assert begun.wait(10)
        threads[1].start()
        time.sleep(0.3)
        go_on.set()
        for thread in threads:
            thread.join()
    assert got[0] == got[1] != old


def test_the_pace_is_bounded():
    with scene(most_fps=10.0) as s:
        s.keep_showing(every_s=0.005)
        connection = s.connect()
        connection.request("GET", "/stream/camera.mjpg")
        pictures = pictures_of(connection.getresponse(), 9)
        next(pictures)
        began_s = time.monotonic()
        assert len(list(pictures)) == 8
        assert time.monotonic() - began_s >= 0.7
        connection.close()
