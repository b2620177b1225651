"""stdout, until nobody reads it any more: that ends the run, as it ends other programs."""

import sys

from .controls import Controls


class StandardOutput:
    """Written to by one thread."""

    def __init__(self, controls: Controls) -> None:
        """controls: stopped when it is closed."""
        self.controls = controls
        self._closed = False

    def write(self, text: str) -> None:
        """Write at once; nothing once it is closed."""
        if self._closed:
            return
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            self._closed = True
            self.controls.stop()

    def check(self) -> None:
        """Raise BrokenPipeError if it is closed."""
        if self._closed:
            raise BrokenPipeError
