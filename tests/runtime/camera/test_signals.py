"""Signals, sent for real."""

import os
import signal

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


def test_the_second_one_ends_it_at_once():
    controls = Controls(0.5)
    with stopped_by_signals(controls):
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
