"""Outputs on threads of their own."""

import threading
from time import perf_counter, sleep

import pytest
from seen_frames import seen

from edgedet.runtime.camera import outlet as module
from edgedet.runtime.camera.outlet import Outlet
from edgedet.runtime.camera.output import Output
from edgedet.runtime.errors import DeviceError


class Kept(Output):
    """Takes frames when the gate is open."""

    name = "kept"

    def __init__(self, keeps_all=False, fails=None):
        self.keeps_all, self.fails = keeps_all, fails
        self.numbers, self.closed = [], 0
        self.gate, self.entered = threading.Event(), threading.Semaphore(0)

    def put(self, one):
        self.entered.release()
        assert self.gate.wait(10)
        if self.fails is not None:
            raise self.fails
        self.numbers.append(one.frame.number)

    def close(self):
        self.closed += 1


def filled(output, count):
    """An outlet that was handed so many frames while the first one is being taken."""
    outlet = Outlet(output)
    outlet.put(seen(number=0))
    assert output.entered.acquire(timeout=10)
    for number in range(1, count):
        outlet.put(seen(number=number))
    return outlet


def test_only_the_newest_frame_waits_for_a_slow_output():
    output = Kept()
    outlet = filled(output, 10)
    output.gate.set()
    outlet.close()
    assert output.numbers == [0, 9]
    assert outlet.read()[:3] == ("kept", 2, 8)
    assert outlet.closing_line() == ""
    assert output.closed == 1


def test_one_that_keeps_all_gets_them_in_order_and_what_finds_no_room_is_counted():
    output = Kept(keeps_all=True)
    outlet = filled(output, module.WAITING + 6)
    output.gate.set()
    outlet.close()
    assert output.numbers == list(range(module.WAITING + 1))
    assert outlet.read().dropped == 5
    assert outlet.closing_line() == "kept: 5 of {} frames left out".format(module.WAITING + 6)


def test_whoever_may_wait_loses_nothing():
    output = Kept(keeps_all=True)
    output.gate.set()
    with Outlet(output) as outlet:
        for number in range(200):
            outlet.wait_for_room(seen(number=number), lambda: False)
            outlet.put(seen(number=number))
    assert output.numbers == list(range(200))


def test_an_output_that_fails_is_told_once_and_takes_nothing_more(caplog):
    error = DeviceError("a", "b", "c")
    output = Kept(keeps_all=True, fails=error)
    output.gate.set()
    outlet = Outlet(output)
    outlet.put(seen())
    while not outlet.read().trouble:
        pass
    for number in range(5):
        outlet.wait_for_room(seen(), lambda: False)
        outlet.put(seen(number=number))
    outlet.close()
    assert [record.getMessage() for record in caplog.records] == ["kept ended: " + str(error)]
    assert output.closed == 1


def test_an_error_of_the_system_is_told_once_and_tried_again(monkeypatch, caplog):
    clock = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    output = Kept(keeps_all=True, fails=OSError(28, "No space left"))
    output.gate.set()
    outlet = Outlet(output)
    for turn in range(4):
        for number in range(3):
            outlet.put(seen(number=10 * turn + number))
        wait_until(lambda: outlet.read().put + outlet.read().dropped == 3 * turn + 3)  # noqa: B023
        clock[0] += module.RETRY_S
        if turn == 2:
            assert outlet.read()[:3] == ("kept", 0, 9)
            output.fails = None
    outlet.close()
    assert output.numbers == [30, 31, 32]
    told = [record.getMessage() for record in caplog.records]
    assert told[:2] == ["kept waits: [Errno 28] No space left", "kept goes on"]
    assert outlet.read().trouble == ""


def test_large_frames_wait_by_their_bytes(monkeypatch):
    """30 frames of a 4K camera would be 750 MB: more than a Nano has to spare."""
    monkeypatch.setattr(module, "WAITING_BYTES", 3 * seen().frame.image_bgr.nbytes)
    output = Kept(keeps_all=True)
    outlet = filled(output, 11)
    large = seen(size_hw=(480, 640), number=99)
    outlet.put(large)
    output.gate.set()
    wait_until(lambda: outlet.read().put == 4)
    assert outlet.read().dropped == 8
    outlet.put(large)  # larger than all together: it is taken where nothing else waits
    outlet.close()
    assert output.numbers == [0, 1, 2, 3, 99]


def test_who_waits_for_room_ends_when_the_run_does():
    output = Kept(keeps_all=True)
    outlet = filled(output, module.WAITING + 1)
    outlet.wait_for_room(seen(), lambda: True)
    output.gate.set()
    outlet.close()


def wait_until(done):
    end_s = perf_counter() + 30
    while not done():
        assert perf_counter() < end_s
        sleep(0.001)


def test_a_bug_of_an_output_reaches_whoever_hands_it_frames():
    output = Kept(fails=ZeroDivisionError("no"))
    output.gate.set()
    outlet = Outlet(output)
    outlet.put(seen())
    while not outlet.read().trouble:
        pass
    with pytest.raises(ZeroDivisionError):
        outlet.put(seen())
    outlet.close()


def test_an_output_without_frames_may_look_after_itself(monkeypatch):
    monkeypatch.setattr(module, "IDLE_S", 0.01)
    looked = threading.Semaphore(0)
    output = Kept()
    output.idle = looked.release
    with Outlet(output):
        for _ in range(3):
            assert looked.acquire(timeout=10)


def test_an_output_that_hangs_is_left(monkeypatch, caplog):
    monkeypatch.setattr(module, "CLOSING_S", 0.05)
    output = Kept()
    outlet = filled(output, 1)
    outlet.close()
    assert "kept did not end" in caplog.text
    output.gate.set()
