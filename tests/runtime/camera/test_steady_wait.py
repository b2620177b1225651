"""Waiting by a clock that nobody sets."""

import shutil
import subprocess
import sys
import threading
import time

import pytest

from edgedet.runtime.camera.steady_wait import wait_steadily

WAIT = (
    "import sys; sys.path[:0] = sys.argv[1:]; "
    "from edgedet.runtime.camera.steady_wait import wait_steadily; wait_steadily(bool, 0.125)"
)


def test_it_ends_when_it_is_done_or_it_took_too_long():
    assert wait_steadily(lambda: True, 0.0)
    began_s = time.monotonic()
    assert not wait_steadily(lambda: False, 0.05)
    assert time.monotonic() - began_s >= 0.05
    done = threading.Event()
    timer = threading.Timer(0.05, done.set)
    timer.start()
    assert wait_steadily(done.is_set, 60.0)
    timer.join()


def test_the_system_is_asked_to_wait_by_no_clock_of_the_day():
    if shutil.which("strace") is None:
        pytest.skip("no strace: apt install strace")
    calls = "trace=futex,clock_nanosleep,select,pselect6,poll"
    words = ["strace", "-f", "-e", calls, sys.executable, "-c", WAIT] + sys.path
    ran = subprocess.run(words, stderr=subprocess.PIPE)
    if ran.returncode:
        pytest.skip("strace may trace nothing here")
    told = ran.stderr.decode("utf-8", "replace")
    assert "nanosleep" in told or "select" in told
    assert "REALTIME" not in told
