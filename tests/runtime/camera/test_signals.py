"""Signals, sent for real."""

import os
import signal
import subprocess
import sys

import pytest

from edgedet.runtime.camera.controls import Controls
from edgedet.runtime.camera.signals import stopped_by_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_and_the_handlers_come_back(number):
    controls, before = Controls(0.5), signal.getsignal(number)
    with stopped_by_signals(controls):
        os.kill(os.getpid(), number)
        assert controls.wait(5.0)
    assert signal.getsignal(number) is before


def test_what_nohup_has_it_ignore_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        controls = Controls(0.5)
        with stopped_by_signals(controls):
            os.kill(os.getpid(), signal.SIGHUP)
            assert not controls.wait(0.05)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_second_one_ends_it_at_once():
    controls = Controls(0.5)
    with stopped_by_signals(controls):
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminal_that_is_closed_sends_it_twice(number):
    """The kernel sends one and the shell another: recordings are finished all the same."""
    controls = Controls(0.5)
    with stopped_by_signals(controls):
        for _ in range(2):
            os.kill(os.getpid(), number)
            assert controls.wait(5.0)


AT_ANY_MOMENT = """
import signal, sys, time
sys.path[:0] = sys.argv[1:]
from edgedet.runtime.camera.controls import Controls
from edgedet.runtime.camera.signals import stopped_by_signals
current = [Controls(0.5)]
signal.signal(signal.SIGALRM, lambda *unused: current[0].stop())
signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
end_s, stopped = time.monotonic() + 0.5, 0
while time.monotonic() < end_s:
    current[0] = Controls(0.5)
    stopped += current[0].wait(0.00005)
signal.setitimer(signal.ITIMER_REAL, 0)
assert stopped > 100
"""


def test_a_signal_may_come_in_the_middle_of_waiting():
    """A handler that took a lock would wait for ever for the thread that it interrupts."""
    words = [sys.executable, "-c", AT_ANY_MOMENT] + sys.path
    assert subprocess.run(words, timeout=60).returncode == 0
