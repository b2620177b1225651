"""What the main thread does while cameras run: it shows them, looks after all, tells systemd."""

import time
from typing import NamedTuple, Optional, Sequence

from ..outputs.systemd_notice import ALIVE, READY, SystemdNotice
from .capture import Capture
from .controls import Controls
from .loop import Loop
from .window import Window
from .worker import Worker

LOOK_S = 0.2
WINDOW_MS = 20
"""How often it shows what is new, where there is a window."""


class Watched(NamedTuple):
    """What is looked after."""

    work: Worker
    captures: Sequence[Capture]
    loop: Loop


def watch(watched: Watched, controls: Controls, window: Optional[Window]) -> None:
    """Return when the work is done or `controls` stop; raise what went wrong with either."""
    with SystemdNotice() as notice:
        notice.send(READY)
        pulse = _Pulse(notice, watched.loop)
        try:
            while watched.work.alive and not controls.stopping:
                if window is None:
                    controls.wait(LOOK_S)
                else:
                    window.show(WINDOW_MS)
                _check(watched.captures)
                pulse.beat()
        finally:
            if window is not None:
                window.hide()
    watched.work.check()
    _check(watched.captures)


class _Pulse:
    """Tells systemd that the loop goes on: one that hangs in a driver is started anew."""

    def __init__(self, notice: SystemdNotice, loop: Loop) -> None:
        self._notice, self._loop = notice, loop
        self._told_s = time.monotonic()

    def beat(self) -> None:
        interval_s, now_s = self._notice.interval_s, time.monotonic()
        if interval_s is None or now_s - self._told_s < interval_s:
            return
        if self._loop.turned_s > self._told_s:
            self._notice.send(ALIVE)
            self._told_s = now_s


def _check(captures: Sequence[Capture]) -> None:
    """Raise why a camera ended, where it should not have."""
    for capture in captures:
        if capture.error is not None:
            raise capture.error
