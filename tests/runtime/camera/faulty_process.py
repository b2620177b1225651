"""Starts `faulty_run.py` and hears what it says."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

PROGRAM = Path(__file__).with_name("faulty_run.py")
LONG_S = 60.0
"""Nothing takes so long unless it is broken."""
BOUND_S = 15.0
"""Whatever hangs, who wants to end waits no longer."""


class FaultyProcess:
    """Runs in `folder`; its lines of JSON are read all the time, unless `stdout` says otherwise."""

    def __init__(self, folder, fault, settings, inside=(), stdout=subprocess.PIPE):
        (folder / "settings.json").write_text(json.dumps(settings))
        words = [sys.executable, str(PROGRAM), fault, "settings.json"] + sys.path
        self.rows = []
        self._folder, self._stderr = folder, (folder / "stderr").open("wb")
        self.process = subprocess.Popen(
            list(inside) + words,
            stdout=stdout,
            stderr=self._stderr,
            cwd=str(folder),
            env=dict(os.environ, OMP_NUM_THREADS="1"),
        )
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self):
        return self

    def hear(self):
        self._reader.start()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self._reader.ident is not None:
            self._reader.join()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._stderr.close()

    @property
    def told(self):
        """What it wrote to stderr so far."""
        return (self._folder / "stderr").read_text()

    def of(self, camera):
        return [row for row in list(self.rows) if row["camera"] == camera]

    def wait_for(self, done, most_s=LONG_S):
        end_s = time.monotonic() + most_s
        while not done():
            assert self.process.poll() is None, self.told
            assert time.monotonic() < end_s, self.told
            time.sleep(0.01)

    def wait_for_more(self, camera, count):
        """Wait until so many more frames of it were seen."""
        before = len(self.of(camera))
        self.wait_for(lambda: len(self.of(camera)) >= before + count)

    def end(self, number=signal.SIGTERM, most_s=LONG_S):
        """Return its exit code and how long it took to end."""
        began_s = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(most_s)
        return code, time.monotonic() - began_s

    def _read(self):
        for line in iter(self.process.stdout.readline, b""):
            self.rows.append(json.loads(line.decode()))


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
