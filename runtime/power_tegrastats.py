"""Readings from `tegrastats`, NVIDIA's own program on every Jetson."""

import os
import signal
import subprocess
import threading
import time
from typing import Dict, Optional

from .power_reading import Take
from .tegrastats_line import parse_tegrastats

PROGRAM = "tegrastats"
STOP_WAIT_S = 2.0


class TegrastatsSource:
    """A tegrastats of our own, and the thread that reads its lines.

    One that somebody else runs is left alone (`tegrastats --stop` would end that as well).
    """

    name = PROGRAM

    def __init__(self, program: str, interval_s: float, environ: Dict[str, str]) -> None:
        """program: its path. environ: of the process."""
        self._command = [program, "--interval", str(int(interval_s * 1000))]
        self._environ = environ
        self._process: Optional["subprocess.Popen[bytes]"] = None
        self._ended = threading.Event()
        self._stopping = False
        self.fault: Optional[str] = None
        """Why it told less than it should have."""

    def start(self, take: Take) -> None:
        """Start both; a program that cannot be started is a `fault`."""
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._environ,
                # Ctrl-C is for us, and we end it; should we be killed, its next line ends it.
                start_new_session=True,
            )
        except OSError as error:
            self.fault = "{} cannot be started: {}".format(PROGRAM, error)
            return
        reader = threading.Thread(
            target=self._read, args=(self._process, take), name="edgedet-" + PROGRAM, daemon=True
        )
        reader.start()

    def stop(self) -> None:
        """End the process and the thread; nothing of them is left. Any number of times."""
        process, self._process = self._process, None
        if process is None:
            return
        self._stopping = True
        try:
            _signal(process, signal.SIGTERM)
            process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            pass
        finally:  # Ctrl-C while we wait, too
            _signal(process, signal.SIGKILL)
            process.wait()
            self._ended.wait(STOP_WAIT_S)

    def _read(self, process: "subprocess.Popen[bytes]", take: Take) -> None:
        assert process.stdout is not None
        try:
            with process.stdout as lines:
                for line in iter(lines.readline, b""):
                    take(parse_tegrastats(line.decode("utf-8", "replace"), time.monotonic()))
            if not self._stopping:
                self.fault = "{} ended with exit code {}".format(PROGRAM, process.wait())
        finally:
            self._ended.set()


def _signal(process: "subprocess.Popen[bytes]", number: int) -> None:
    """Send a signal to the process and those that it started, unless it ended."""
    if process.poll() is None:
        os.killpg(process.pid, number)
