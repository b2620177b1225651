"""Ctrl-C and SIGTERM end a run in order; one more Ctrl-C ends it at once."""

import signal
from contextlib import contextmanager
from typing import Any, Iterator

from .controls import Controls

STOPPING = ("SIGINT", "SIGTERM", "SIGHUP")
"""Windows has no SIGHUP."""


@contextmanager
def stopped_by_signals(controls: Controls) -> Iterator[None]:
    """Stop `controls` at a signal, inside the block; on the main thread only.

    KeyboardInterrupt at Ctrl-C when it is to stop already. The others may come twice: of a terminal
    that is closed SIGHUP comes from the kernel and from the shell.
    """

    def stop(number: int, frame: Any) -> None:
        if controls.stopping and number == signal.SIGINT:
            raise KeyboardInterrupt
        controls.stop()

    numbers = [getattr(signal, name) for name in STOPPING if hasattr(signal, name)]
    # What the parent has it ignore it ignores: SIGHUP under nohup.
    numbers = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
