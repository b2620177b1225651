"""A thread whose errors are told."""

import threading

import pytest

from edgedet.runtime.camera import worker as module
from edgedet.runtime.camera.worker import HangingError, Worker


def test_it_works_until_it_is_stopped():
    stop = threading.Event()
    with Worker("w", lambda: stop.wait(60) and None, stop.set) as worker:
        assert worker.alive
        worker.check()
    assert not worker.alive
    worker.check()


def test_its_error_is_that_of_whoever_asks():
    def fail():
        raise ZeroDivisionError("no")

    worker = Worker("w", fail, lambda: None)
    worker.close()
    with pytest.raises(ZeroDivisionError):
        worker.check()


def test_work_that_hangs_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(module, "CLOSING_S", 0.05)
    end = threading.Event()
    worker = Worker("w", lambda: end.wait(60) and None, lambda: None)
    with pytest.raises(HangingError, match="expected a w that ends within 0 s, found one that han"):
        worker.close()
    end.set()
    worker.close()
