"""stdout, until nobody reads it any more: that ends the run, as it ends other programs."""

import io
import os
import sys
from typing import Optional

from .controls import Controls


class StandardOutput:
    """Written to by one thread, past Python's buffer.

    Who waits for a reader holds the lock of that buffer, and Python ends with a fatal error if it
    finds it locked.
    """

    def __init__(self, controls: Controls) -> None:
        """controls: stopped when it is closed."""
        self.controls = controls
        self._closed = sys.stdout is None  # started with stdout closed
        self._broken = False
        self._cut = False

    def write(self, text: str) -> None:
        """Write at once; nothing once it is closed. OSError when it cannot be, as on a full disk:
        a line of which a part was written is ended with the next one.
        """
        if self._closed:
            return
        try:
            self._write(text)
        except BrokenPipeError:
            self._closed = self._broken = True
            self.controls.stop()

    def check(self) -> None:
        """Raise BrokenPipeError if it was closed by its reader."""
        if self._broken:
            raise BrokenPipeError

    def _write(self, text: str) -> None:
        sys.stdout.flush()
        descriptor = _descriptor()
        if descriptor is None:
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        # A service's stdout may know ASCII only.
        encoding = sys.stdout.encoding or "utf-8"
        rest = ("\n" + text if self._cut else text).encode(encoding, "backslashreplace")
        self._cut = False
        while rest:
            count = os.write(descriptor, rest)
            self._cut = count < len(rest)
            rest = rest[count:]


def _descriptor() -> Optional[int]:
    """Return stdout's; None where it is no file, as in a notebook."""
    try:
        return sys.stdout.fileno()
    except (AttributeError, io.UnsupportedOperation):
        return None
