"""Ctrl-C and SIGTERM while something hangs: the run ends all the same, and soon."""

import fcntl
import os
import signal
import struct
import subprocess
import termios
from pathlib import Path

import pytest

pytest.importorskip("cv2")

from faulty_process import BOUND_S, FaultyProcess  # noqa: E402
from silent_servers import silent_servers  # noqa: E402

pytestmark = pytest.mark.slow
SHAPES = "shapes://64x48@30"


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def ends(request, tmp_path):
    """Starts a run, and ends it when it is ready."""

    def run_and_end(fault, ready, code=0, **settings):
        with FaultyProcess(tmp_path, fault, settings, stdout=subprocess.DEVNULL) as run:
            run.wait_for(lambda: ready(run))
            ended = run.end(request.param)
            assert ended[0] == code, run.told
            assert ended[1] < BOUND_S
            return run.told

    return run_and_end


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_servers_that_take_a_connection_and_say_nothing(ends, scheme):
    with silent_servers(10) as ports:
        sources = ["{}://u:secret@127.0.0.1:{}/x".format(scheme, port) for port in ports]
        told = ends("", threads(20), source=[*sources, SHAPES])
    assert "secret" not in told


def test_servers_that_stop_answering_in_the_middle(ends):
    with silent_servers(5, answers_options=True) as ports:
        sources = ["rtsp://127.0.0.1:{}/x".format(port) for port in ports]
        ends("", threads(10), source=[*sources, SHAPES])


def test_outputs_that_hang(ends):
    told = ends("hanging outputs", looking, source=[SHAPES], record="recordings", at=60)
    assert "terminal did not end within" in told
    assert "recording did not end within" in told


def test_a_network_that_hangs(ends):
    told = ends("hanging network", looking, 5, source=[SHAPES], record="r", at=20)
    assert "expected a loop that ends within 8 s, found one that hangs" in told


def test_a_reader_of_stdout_that_stopped_reading(tmp_path):
    read, write = os.pipe()
    try:
        settings = {"source": ["shapes://64x48@300"], "json": True}
        with FaultyProcess(tmp_path, "", settings, stdout=write) as run:
            run.wait_for(lambda: "are left out" in run.told or len_of(read) >= 60000)
            code, seconds = run.end()
            assert code == 0, run.told
            assert seconds < BOUND_S
    finally:
        os.close(read)
        os.close(write)


def len_of(pipe):
    """How many bytes wait in it."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]


def looking(run):
    """Whether it has been looking at frames for a while."""
    return "moving shapes at" in run.told and age_of(run.process.pid) > 3


def threads(least):
    """Whether so many threads run: those of all cameras."""
    return lambda run: len(list(Path("/proc/{}/task".format(run.process.pid)).iterdir())) >= least


def age_of(pid):
    began_ticks = int(Path("/proc/{}/stat".format(pid)).read_text().rsplit(")", 1)[1].split()[19])
    up_s = float(Path("/proc/uptime").read_text().split()[0])
    return up_s - began_ticks / os.sysconf("SC_CLK_TCK")
