"""Starts, stops and cuts off the RTSP server of the tests."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

SERVER = Path(__file__).with_name("rtsp_server.py")
PYTHON = "/usr/bin/python3"
NEEDS = (
    "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
)
FPS = 30


def require_rtsp():
    """Skip where there is no GStreamer with an RTSP server for the system's Python."""
    if not sys.platform.startswith("linux") or not Path(PYTHON).exists():
        pytest.skip("no {} with GStreamer's bindings".format(PYTHON))
    if subprocess.run([PYTHON, "-c", NEEDS], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no gir1.2-gst-rtsp-server-1.0 and python3-gi for " + PYTHON)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RtspProcess:
    """A server whose frames show the clock.

    `inside`: words before its command, as of `ip netns exec`.
    """

    def __init__(self, size=(320, 240), encoder="h264", port=None, inside=(), password=""):
        self.port = port or free_port()
        words = [PYTHON, str(SERVER), str(self.port)] + [str(side) for side in size]
        words += [str(FPS), encoder, password]
        self._process = subprocess.Popen(
            list(inside) + words, stdout=subprocess.PIPE, env=dict(os.environ, GST_DEBUG="0")
        )
        assert self._process.stdout.readline() == b"ready\n"

    @property
    def uri(self):
        return "rtsp://127.0.0.1:{}/clock".format(self.port)

    def freeze(self):
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self._process.send_signal(signal.SIGCONT)

    def kill(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
