"""A thread whose errors are told."""

import threading

import pytest

from edgedet.runtime.camera.worker import Worker


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
