"""Outputs on threads of their own."""

import threading

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
    assert output.closed == 1


def test_one_that_keeps_all_gets_them_in_order_and_what_finds_no_room_is_counted():
    output = Kept(keeps_all=True)
    outlet = filled(output, module.WAITING + 6)
    output.gate.set()
    outlet.close()
    assert output.numbers == list(range(module.WAITING + 1))
    assert outlet.read().dropped == 5


def test_whoever_may_wait_loses_nothing():
    output = Kept(keeps_all=True)
    output.gate.set()
    with Outlet(output) as outlet:
        for number in range(200):
            outlet.wait_for_room()
            outlet.put(seen(number=number))
    assert output.numbers == list(range(200))


@pytest.mark.parametrize("error", [DeviceError("a", "b", "c"), OSError(28, "No space left")])
def test_an_output_that_fails_is_told_once_and_takes_nothing_more(error, caplog):
    output = Kept(keeps_all=True, fails=error)
    output.gate.set()
    outlet = Outlet(output)
    outlet.put(seen())
    while not outlet.read().trouble:
        pass
    for number in range(5):
        outlet.wait_for_room()
        outlet.put(seen(number=number))
    outlet.close()
    assert [record.getMessage() for record in caplog.records] == ["kept ended: " + str(error)]
    assert output.closed == 1


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


def test_an_output_that_hangs_is_left(monkeypatch, caplog):
    monkeypatch.setattr(module, "CLOSING_S", 0.05)
    output = Kept()
    outlet = filled(output, 1)
    outlet.close()
    assert "kept did not end" in caplog.text
    output.gate.set()
