"""The newest frame of each camera, against the words of the contract."""

import threading
import time

import numpy as np
import pytest

from edgedet.runtime.camera.inbox import Inbox
from edgedet.runtime.camera.live_frame import LiveFrame

LONG_S = 30.0
IMAGE = np.zeros((2, 2, 3), np.uint8)


def frame(camera, number):
    return LiveFrame(camera, IMAGE, number, time.monotonic(), time.time(), 0.0)


def taken(inbox, most=9, timeout_s=0.0):
    return [(f.camera, f.number) for f in inbox.take(most, timeout_s)]


def test_the_newest_frame_wins_and_the_older_one_counts_as_dropped():
    inbox = Inbox(["a"])
    assert inbox.put(frame("a", 0)) is False
    assert inbox.put(frame("a", 1)) is True
    assert taken(inbox) == [("a", 1)]
    assert inbox.put(frame("a", 2)) is False


def test_nothing_is_an_empty_list_after_the_time():
    assert Inbox(["a"]).take(1, 0.01) == []


def test_who_waited_longest_is_served_first():
    inbox = Inbox(["a", "b", "c"])
    served = []
    for number in range(6):
        for camera in "cab":  # whoever is faster gains nothing
            inbox.put(frame(camera, number))
        served += [camera for camera, _ in taken(inbox, most=1)]
    assert served == ["a", "b", "c", "a", "b", "c"]


def test_several_cameras_at_once_and_one_frame_of_each():
    inbox = Inbox(["a", "b", "c"])
    for camera in "abc":
        inbox.put(frame(camera, 7))
    assert taken(inbox, most=2) == [("a", 7), ("b", 7)]
    inbox.put(frame("a", 8))
    assert taken(inbox, most=2) == [("c", 7), ("a", 8)]


def test_a_camera_that_is_silent_holds_nobody_up():
    inbox = Inbox(["a", "b"])
    for number in range(3):
        inbox.put(frame("b", number))
        assert taken(inbox, timeout_s=LONG_S) == [("b", number)]


def test_a_source_that_waits_loses_nothing():
    inbox = Inbox(["a"])
    dropped = []
    count = 50

    def feed():
        dropped.extend(inbox.put(frame("a", number), wait=True) for number in range(count))

    feeder = threading.Thread(target=feed)
    feeder.start()
    numbers = [inbox.take(1, LONG_S)[0].number for _ in range(count)]
    feeder.join(LONG_S)
    assert numbers == list(range(count))
    assert dropped == [False] * count


@pytest.mark.parametrize("end", [lambda inbox: inbox.close(), lambda inbox: inbox.leave("a")])
def test_who_waits_to_put_is_let_go(end):
    inbox = Inbox(["a"])
    inbox.put(frame("a", 0))
    feeder = threading.Thread(target=lambda: inbox.put(frame("a", 1), wait=True))
    feeder.start()
    end(inbox)
    feeder.join(LONG_S)
    assert not feeder.is_alive()


def test_who_waits_to_take_is_let_go():
    inbox = Inbox(["a"])
    got = []
    taker = threading.Thread(target=lambda: got.append(inbox.take(1, LONG_S)))
    taker.start()
    inbox.close()
    taker.join(LONG_S)
    assert got == [[]]


def test_it_is_over_when_all_have_left_and_the_last_frame_was_taken():
    inbox = Inbox(["a", "b"])
    inbox.put(frame("a", 3))
    inbox.leave("a")
    assert not inbox.over
    inbox.put(frame("a", 4))  # late: not kept
    inbox.leave("b")
    assert not inbox.over
    assert taken(inbox) == [("a", 3)]
    assert inbox.over


def test_it_is_over_when_it_was_closed():
    inbox = Inbox(["a"])
    inbox.put(frame("a", 3))
    inbox.close()
    assert inbox.over
    assert inbox.take(1, LONG_S) == []
