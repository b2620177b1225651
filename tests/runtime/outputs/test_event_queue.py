"""Events to somebody who is slow or away."""

import threading

import pytest

from edgedet.runtime.outputs import event_queue
from edgedet.runtime.outputs.event_queue import EventQueue, EventRefusedError, EventTarget


class Target(EventTarget):
    """Takes events when the gate is open; fails as often as told."""

    name = "target"

    def __init__(self, failures=0):
        self.taken, self.tried, self.closed = [], 0, False
        self.failures = failures
        self.gate = threading.Event()
        self.gate.set()
        self.got = threading.Semaphore(0)

    def send(self, event):
        self.gate.wait(10)
        self.tried += 1
        if self.failures:
            self.failures -= 1
            raise OSError("away")
        self.taken.append(event["n"])
        self.got.release()

    def close(self):
        self.closed = True


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(event_queue, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(event_queue, "LONGEST_PAUSE_S", 0.02)


def test_all_arrive_in_order_through_failures():
    target = Target(failures=5)
    queue = EventQueue(target)
    for n in range(20):
        queue.put({"n": n})
    for _ in range(20):
        assert target.got.acquire(timeout=10)
    queue.close()
    assert target.taken == list(range(20))
    assert target.tried == 25
    assert (queue.sent, queue.dropped, target.closed) == (20, 0, True)


def test_nothing_waits_for_a_target_that_hangs_and_the_newest_stay(monkeypatch):
    monkeypatch.setattr(event_queue, "MOST_WAITING", 10)
    target = Target()
    target.gate.clear()
    queue = EventQueue(target)
    queue.put({"n": 0})
    while queue._waiting:  # until it is on its way
        pass
    for n in range(1, 101):
        queue.put({"n": n})
    assert queue.dropped == 90
    target.gate.set()
    queue.close()
    assert target.taken == [0] + list(range(91, 101))


def test_what_is_lost_at_the_end_is_told(caplog):
    target = Target(failures=10**9)
    queue = EventQueue(target)
    for n in range(3):
        queue.put({"n": n})
    queue.close()
    assert target.closed
    assert "target: 3 events were not taken" in caplog.text
    assert caplog.text.count("target: away; tried again until it is taken") == 1


class Picky(Target):
    """Raises for one event, whatever happens."""

    def __init__(self, error):
        super().__init__()
        self.error, self.refused = error, 0

    def send(self, event):
        if event["n"] == 1:
            self.refused += 1
            raise self.error
        super().send(event)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (EventRefusedError("the server answered 422"), "the server answered 422"),
        (IndexError("secret"), "a bug, IndexError"),
        (ValueError("Out of range float values"), "Out of range float values"),
    ],
)
def test_an_event_that_never_goes_keeps_none_behind_it(caplog, error, told):
    target = Picky(error)
    queue = EventQueue(target)
    for n in range(3):
        queue.put({"n": n})
    for _ in range(2):
        assert target.got.acquire(timeout=10)
    queue.close()
    assert target.taken == [0, 2]
    assert target.refused == event_queue.MOST_REFUSED
    assert "target: {}, 5 times; this event goes".format(told) in caplog.text
    assert "target: 1 events were not taken" in caplog.text
    assert "secret" not in caplog.text


def test_at_the_end_an_event_that_is_refused_keeps_none_behind_it(monkeypatch):
    monkeypatch.setattr(event_queue, "FIRST_PAUSE_S", 60.0)
    target = Picky(EventRefusedError("no"))
    queue = EventQueue(target)
    for n in range(3):
        queue.put({"n": n})
    queue.close()
    assert target.taken == [0, 2]


def test_one_that_is_still_on_its_way_at_the_end_is_lost_too(monkeypatch, caplog):
    monkeypatch.setattr(event_queue, "CLOSING_S", 0.05)
    target = Target()
    target.gate.clear()
    queue = EventQueue(target)
    for n in range(2):
        queue.put({"n": n})
    queue.close()
    assert "target: 2 events were not taken" in caplog.text
    target.gate.set()
