"""A tegrastats of our own: read while it runs, and gone afterwards whatever it does."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import tegrastats_lines as lines
from fake_sensors import FakeSensors

from edgedet.runtime import power_tegrastats
from edgedet.runtime.power_tegrastats import TegrastatsSource

PATIENCE_S = 20.0
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"


@pytest.fixture
def board(tmp_path):
    return FakeSensors(tmp_path)


@pytest.fixture(autouse=True)
def _nothing_is_left(request):
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    assert not left


def source_of(board):
    return TegrastatsSource(str(board.root / "usr/bin/tegrastats"), 0.5, dict(os.environ))


def runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(happened):
    until = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_lines_become_readings_and_nothing_is_left(board):
    board.tegrastats(lines.NANO)
    readings, source = [], source_of(board)
    source.start(readings.append)
    wait_for(lambda: len(readings) >= 3)
    pid = board.tegrastats_pid
    source.stop()
    assert not runs(pid)  # ended, and no zombie
    assert readings[0].power_w["POM_5V_IN"] == 1.75
    assert readings[0].time_s < readings[-1].time_s <= time.monotonic()
    assert (board.root / "asked").read_text() == "--interval 500"
    assert source.fault is None
    source.stop()


def test_one_that_does_not_want_to_end_is_ended(board, monkeypatch):
    monkeypatch.setattr(power_tegrastats, "STOP_WAIT_S", 0.3)
    board.tegrastats(lines.NANO, prelude=DEAF)
    source = source_of(board)
    source.start(lambda reading: None)
    pid = board.tegrastats_pid
    source.stop()
    assert not runs(pid)


def test_a_wrapper_and_what_it_started_both_end(board):
    board.tegrastats(lines.NANO)
    board.root.joinpath("usr/bin/tegrastats").rename(board.root / "usr/bin/real")
    board.program(
        "usr/bin/tegrastats", '#!/bin/sh\n"{}/usr/bin/real" "$@"\nexit\n'.format(board.root)
    )
    source = source_of(board)
    source.start(lambda reading: None)
    pid = board.tegrastats_pid
    source.stop()
    wait_for(lambda: not runs(pid))


def test_one_that_ends_by_itself_is_told(board):
    board.tegrastats(lines.NANO, prelude="sys.exit(3)")
    source = source_of(board)
    source.start(lambda reading: None)
    wait_for(lambda: source.fault is not None)
    assert source.fault == "tegrastats ended with exit code 3"
    source.stop()


def test_one_that_cannot_be_started_is_told(board):
    board.program("usr/bin/tegrastats", "")
    board.file("usr/bin/tegrastats", "not a program").chmod(0o755)
    source = source_of(board)
    source.start(lambda reading: None)
    assert "cannot be started" in source.fault
    source.stop()


def test_ctrl_c_while_it_is_ended_leaves_nothing(board):
    board.tegrastats(lines.NANO, prelude=DEAF)
    source = source_of(board)
    source.start(lambda reading: None)
    pid = board.tegrastats_pid
    timer = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        source.stop()
    assert not runs(pid)
    timer.join()


def test_it_ends_when_we_are_killed(board, tmp_path):
    board.tegrastats(lines.NANO)
    program = (
        "import os, sys, time\n"
        "from edgedet.runtime.power_tegrastats import TegrastatsSource\n"
        "TegrastatsSource(sys.argv[1], 0.5, dict(os.environ)).start(lambda reading: None)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(board.root / "usr/bin/tegrastats")]
    )
    pid = board.tegrastats_pid
    parent.kill()
    parent.wait()
    wait_for(lambda: not runs(pid))
