"""How a camera does, on a clock of the test's own."""

import pytest

from edgedet.runtime.camera import health as module
from edgedet.runtime.camera.health import Health


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now_s = 1000.0

        def monotonic(self):
            return self.now_s

    found = Clock()
    monkeypatch.setattr(module, "time", found)
    return found


def test_rates_are_those_of_the_last_seconds(clock):
    health = Health("door")
    for index in range(100):
        clock.now_s += 0.1
        health.captured(clock.now_s)
        if index % 2:
            health.processed(30.0, 20.0, objects=index % 4 == 1)
        else:
            health.dropped()
    vitals = health.read()
    assert vitals.counts == {"captured": 100, "dropped": 50, "processed": 50, "detected": 25}
    assert vitals.rates["captured"] == pytest.approx(10.0, abs=0.3)
    assert vitals.rates["processed"] == pytest.approx(5.0, abs=0.3)
    assert (vitals.state, vitals.age_ms, vitals.inference_ms) == ("live", 30.0, 20.0)
    clock.now_s += 100
    assert set(health.read().rates.values()) == {0.0}
    assert health.read().silent_s == pytest.approx(100.0)


def test_rates_are_right_from_the_beginning(clock):
    """Not those of a window that is empty for the most part."""
    health = Health("door")
    health.captured(clock.now_s)
    assert health.read().rates["captured"] == 0.0  # one frame has no rate
    for _ in range(60):
        clock.now_s += 0.05
        health.captured(clock.now_s)
    assert health.read().rates["captured"] == pytest.approx(20.0, abs=0.5)


def test_a_gap_lasts_from_the_last_frame_to_the_next_however_often_it_is_told(clock):
    health = Health("door")
    assert health.captured(1000.0) == 0.0
    clock.now_s = 1005.0
    for _ in range(3):
        health.lost("no frame")
        health.reopened()
    clock.now_s = 1008.0
    vitals = health.read()
    assert (vitals.state, vitals.trouble, vitals.gaps) == ("lost", "no frame", 1)
    assert (vitals.gap_s, vitals.reopened) == (8.0, 3)
    assert health.captured(1010.0) == 10.0
    vitals = health.read()
    assert (vitals.state, vitals.trouble, vitals.gaps, vitals.gap_s) == ("live", "", 1, 10.0)


def test_before_the_first_frame_nothing_is_made_up(clock):
    vitals = Health("door").read()
    assert (vitals.state, vitals.age_ms, vitals.silent_s) == ("opening", None, None)
    health = Health("door")
    health.lost("nobody there")
    clock.now_s += 4
    assert health.read().gap_s == 4.0


def test_seconds_without_a_picture_never_become_fewer(clock):
    """The frame came before the reading, and is noted after it."""
    health = Health("door")
    health.captured(clock.now_s)
    came_s = clock.now_s + 9
    health.lost("nobody there")
    clock.now_s += 10
    assert health.read().gap_s == 10.0
    health.captured(came_s)
    assert health.read().gap_s == 10.0


def test_the_gap_of_a_camera_that_ended_grows_no_more(clock):
    health = Health("door")
    health.captured(clock.now_s)
    health.lost("nobody there")
    clock.now_s += 3
    health.ended()
    clock.now_s += 100
    assert health.read().gap_s == 3.0
