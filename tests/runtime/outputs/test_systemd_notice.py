"""systemd's socket, a real one."""

import socket
import sys

import pytest

from edgedet.runtime.outputs.systemd_notice import ALIVE, READY, SystemdNotice

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's own")


def test_messages_arrive(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"}
        with SystemdNotice(environment) as notice:
            assert notice.interval_s == 15.0
            notice.send(READY, "STATUS=2 cameras")
            notice.send(ALIVE)
        assert systemd.recv(100) == b"READY=1\nSTATUS=2 cameras"
        assert systemd.recv(100) == b"WATCHDOG=1"
        assert systemd.recv(100) == b"STOPPING=1"


def test_a_name_that_is_no_file():
    name = "edgedet-test-{}".format(id(object()))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name)
        systemd.settimeout(5)
        SystemdNotice({"NOTIFY_SOCKET": "@" + name}).send(READY)
        assert systemd.recv(100) == b"READY=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/gone"}])
def test_nobody_asked_or_listens(environment):
    notice = SystemdNotice(environment)
    assert notice.interval_s is None
    notice.send(READY)
    notice.close()
