"""What goes wrong around cameras that are left alone: the run goes on, or ends as it should."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest

cv2 = pytest.importorskip("cv2")

from faulty_process import FaultyProcess, free_port  # noqa: E402

SHAPES = "shapes://64x48@30"


@pytest.fixture
def faulty(tmp_path):
    """Starts a run with a fault."""
    running = []

    def start(fault, inside=(), **settings):
        running.append(FaultyProcess(tmp_path, fault, settings, inside).hear())
        return running[-1]

    yield start
    for run in running:
        run.__exit__()


def test_a_camera_that_is_unplugged_comes_back_and_the_other_one_goes_on(faulty, tmp_path):
    plugged = tmp_path / "plugged"
    plugged.touch()
    run = faulty("usb camera", source=["/dev/video0", SHAPES], name=["usb", "other"], json=True)
    run.wait_for_more("usb", 10)
    plugged.unlink()
    run.wait_for(lambda: "trying again" in run.told)
    before = len(run.of("usb"))
    run.wait_for_more("other", 30)
    assert len(run.of("usb")) == before
    plugged.touch()
    run.wait_for_more("usb", 10)
    assert run.end()[0] == 0
    numbers = [row["frame"] for row in run.of("usb")]
    assert numbers == sorted(set(numbers))
    assert run.told.count("found none; check its cable and power; trying again") == 1
    assert run.told.count("frames again, after a gap of") == 1
    assert "usb: looked at" in run.told
    assert "Traceback" not in run.told


def mounted(tmp_path, megabytes):
    """Words that run a program with a disk of that size in `tmp_path / "disk"`, which goes with
    it; skips where that is not allowed.
    """
    (tmp_path / "disk").mkdir()
    mount = "mount -t tmpfs -o size={}m edgedet '{}'".format(megabytes, tmp_path / "disk")
    words = ["unshare", "--mount", "sh", "-c", mount + ' && exec "$@"', "sh"]
    try:
        if subprocess.run(words + ["true"], stderr=subprocess.DEVNULL).returncode == 0:
            return words
    except FileNotFoundError:
        pass
    pytest.skip("no mount namespace of our own: needs root and util-linux")
    return None


@pytest.mark.slow
def test_a_disk_that_is_full_stops_the_recording_and_the_lines_until_there_is_room(
    faulty, tmp_path
):
    inside = mounted(tmp_path, 6)
    settings = {"record": "disk/recordings", "json": "disk/lines", "segment_s": 1.0}
    run = faulty("small disk", inside, source=["shapes://320x240@30"], **settings)
    disk = Path("/proc/{}/root".format(run.process.pid) + str(tmp_path / "disk"))
    run.wait_for(lambda: list(disk.glob("recordings/camera_*")) and run_lines(disk))
    fill(disk / "filler")
    run.wait_for(lambda: "recording stops: no room left" in run.told)
    run.wait_for(lambda: "JSON lines waits: [Errno 28]" in run.told)
    time.sleep(1.0)  # it is looked at several times more
    (disk / "filler").unlink()
    run.wait_for(lambda: "recording goes on" in run.told and "JSON lines goes on" in run.told)
    before, files = run_lines(disk), set(disk.glob("recordings/camera_*"))
    run.wait_for(lambda: len(set(disk.glob("recordings/camera_*")) - files) > 1)
    run.wait_for(lambda: run_lines(disk) > before + 10)
    lines = (disk / "lines").read_bytes().split(b"\n")[:-1]
    assert all(json.loads(line.decode()) for line in lines)
    newest = sorted(disk.glob("recordings/camera_*"))[-2]
    assert cv2.VideoCapture(str(newest)).read()[0]
    assert run.end()[0] == 0
    for once in ("recording stops", "recording goes on", "JSON lines waits", "JSON lines goes on"):
        assert run.told.count(once) == 1, run.told
    assert "Traceback" not in run.told


def run_lines(disk):
    return (disk / "lines").read_bytes().count(b"\n") if (disk / "lines").exists() else 0


def fill(path):
    """Write until nothing fits any more."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 10, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass


def test_a_clock_that_jumps_by_a_day_changes_no_age_rate_or_recording(faulty, tmp_path):
    port = free_port()
    run = faulty(
        "stepping clock", source=[SHAPES], json=True, serve=True, on=["cat"], track=True,
        record="recordings", listen="127.0.0.1:{}".format(port),
    )  # fmt: skip
    began_s = time.monotonic()
    run.wait_for_more("camera", 10)
    while time.monotonic() - began_s < 2.2:
        run.wait_for_more("camera", 5)
        state = ask(port, "/api/state")["cameras"][0]
        assert state["state"] == "live"
        assert (state["gaps"], state["reopened"]) == (0, 0)
        assert 0 <= state["age_ms"] < 2000
        assert 0 <= state["silent_s"] < 2
        assert state["fps"]["captured"] < 60
    assert run.end()[0] == 0
    days = {day_of(row["time"]) for row in run.rows}
    assert len(days) == 3  # it did jump
    assert all(0 <= row["age_ms"] < 2000 for row in run.rows)
    # One track, one event, and one file that is as long as it took.
    assert run.told.count("cat appeared") == 1
    assert {row["detections"][0]["track"] for row in run.rows[2:]} == {1}
    (video,) = (tmp_path / "recordings").iterdir()
    capture, frames = cv2.VideoCapture(str(video)), 0
    while capture.read()[0]:
        frames += 1
    assert 1.0 < frames / 15 < 60


def day_of(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").date()


def ask(port, path, **headers):
    request = urllib.request.Request("http://127.0.0.1:{}{}".format(port, path), headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read().decode())


def test_requests_that_mean_harm_change_nothing(faulty):
    port, token = free_port(), "a-long-enough-token"
    run = faulty(
        "", source=[SHAPES], json=True, serve=True, token=token,
        listen="127.0.0.1:{}".format(port),
    )  # fmt: skip
    run.wait_for_more("camera", 5)
    for path in ("/api/state", "/stream/camera.mjpg", "/snapshot/camera.jpg", "/?token=wrong", "/"):
        assert status(port, path) == 401
    bearer = {"Authorization": "Bearer " + token}
    for path in ("/../settings.json", "/%2e%2e/settings.json", "/stream/../../settings.json.mjpg"):
        assert status(port, path, **bearer) == 404
    for content in (b"\x00" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"x" * 100000):
        send(port, content)
    number = run.rows[-1]["frame"]
    run.wait_for_more("camera", 10)
    assert ask(port, "/api/state", **bearer)["cameras"][0]["frame"]["number"] > number
    assert run.end()[0] == 0
    assert token not in run.told
    assert "Traceback" not in run.told


def status(port, path, **headers):
    try:
        ask(port, path, **headers)
    except urllib.error.HTTPError as error:
        return error.code
    return 200


def send(port, content):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        try:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 16):
                pass
        except ConnectionError:
            pass


def test_systemd_is_not_told_that_a_loop_lives_that_hangs(faulty, tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(0.8)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "400000")
        run = faulty("hanging network", source=[SHAPES], json=True, at=20)
        run.wait_for(lambda: len(run.rows) == 19)
        assert len(waiting_in(systemd)) < 10  # those that were sent before it hung
        assert run.process.poll() is None


def waiting_in(systemd):
    """The messages until none comes for a while, or all of a machine that goes on."""
    found = []
    with suppress(socket.timeout):
        while len(found) < 10:
            found.append(systemd.recv(100))
    return found


@pytest.mark.parametrize(("fault", "code"), [("device error", 5), ("bug", 1)])
def test_a_network_that_fails_ends_the_run_and_tells_why(faulty, fault, code):
    run = faulty(fault, source=[SHAPES], json=True, record="recordings")
    assert run.process.wait(60) == code
    assert ("Traceback" in run.told) == (fault == "bug")
    assert ("expected a GPU, found none" in run.told) == (fault != "bug")
    assert ("ZeroDivisionError: a bug of ours" in run.told) == (fault == "bug")


def test_frames_of_a_batch_of_several_cameras_end_with_the_number_asked_for(faulty):
    run = faulty("", source=[SHAPES] * 10, json=True, frames=23, batch=4, tiles="2x2", conf=0)
    assert run.process.wait(60) == 0
    run._reader.join()
    assert len(run.rows) == 23
    assert len({row["camera"] for row in run.rows}) == 10


@pytest.mark.slow
def test_a_folder_of_frames_of_all_sizes(faulty, tmp_path):
    """As after a reconnect, with all that remembers a frame: tracks, zones, tiles, recordings."""
    import numpy as np

    (tmp_path / "images").mkdir()
    for index, size_hw in enumerate([(1, 1), (1, 3), (48, 64), (241, 321), (2160, 3840), (64, 48)]):
        for copy in range(3):
            name = "images/{}{}.png".format(index, copy)
            cv2.imwrite(str(tmp_path / name), np.full(size_hw + (3,), 99, np.uint8))
    zone = {"name": "yard", "polygon": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}
    (tmp_path / "zones.json").write_text(json.dumps([zone]))
    run = faulty(
        "", source=["images"], json=True, fast=True, record="recordings", zones="zones.json",
        tiles="2x2", conf=1, smooth=0.5, track=True, serve=True,
        listen="127.0.0.1:{}".format(free_port()),
    )  # fmt: skip
    assert run.process.wait(60) == 0, run.told
    run._reader.join()
    assert len(run.rows) == 18
    assert "Traceback" not in run.told


def test_nobody_reads_stdout_and_nothing_aborts(tmp_path):
    """Python ends with a fatal error where a thread holds the lock of stdout's buffer."""
    script = (
        "import sys, threading, time\n"
        "sys.path[:0] = sys.argv[1:]\n"
        "from edgedet.runtime.camera.controls import Controls\n"
        "from edgedet.runtime.camera.standard_output import StandardOutput\n"
        "out = StandardOutput(Controls(0.5))\n"
        "write = lambda: [out.write('x' * 1000 + chr(10)) for _ in range(1000)]\n"
        "threading.Thread(target=write, daemon=True).start()\n"
        "time.sleep(0.5)\n"
    )
    read, write = os.pipe()
    try:
        words = [sys.executable, "-c", script] + sys.path
        assert subprocess.run(words, stdout=write, timeout=60).returncode == 0
    finally:
        os.close(read)
        os.close(write)


@pytest.mark.slow
def test_clients_that_never_read_and_fifty_others_change_neither_rate_nor_age(faulty):
    port = free_port()
    run = faulty(
        "", source=["shapes://640x480@30"], json=True, serve=True,
        listen="127.0.0.1:{}".format(port),
    )  # fmt: skip
    run.wait_for_more("camera", 60)
    clients = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(50)]
    for number, client in enumerate(clients):
        path = ("/stream/camera.mjpg", "/snapshot/camera.jpg", "/api/state", "/")[number % 4]
        with suppress(ConnectionError):  # it may be turned away
            client.sendall("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n".format(path).encode())
    begin, began_s = len(run.rows), time.monotonic()
    run.wait_for_more("camera", 150)
    rate = (len(run.rows) - begin) / (time.monotonic() - began_s)
    ages_ms = sorted(row["age_ms"] for row in run.rows[begin:])
    threads = len(list(Path("/proc/{}/task".format(run.process.pid)).iterdir()))
    for client in clients:
        client.close()
    assert rate > 20
    assert ages_ms[len(ages_ms) // 2] < 33  # a frame's time
    assert threads < 100
    assert run.end()[0] == 0


@pytest.mark.slow
def test_a_pipe_that_closes_is_opened_again_and_the_other_camera_goes_on(faulty):
    if shutil.which("gst-launch-1.0") is None:
        pytest.skip("no gst-launch-1.0: apt install gstreamer1.0-tools")
    pipeline = "gst:videotestsrc is-live=true ! video/x-raw,width=64,height=48,framerate=30/1"
    run = faulty("", source=[pipeline, SHAPES], name=["pipe", "other"], json=True)
    run.wait_for_more("pipe", 10)
    for _ in range(3):
        for child in children(run.process.pid):
            os.kill(child, signal.SIGKILL)
        run.wait_for_more("other", 10)
        run.wait_for_more("pipe", 10)
    assert run.end()[0] == 0
    numbers = [row["frame"] for row in run.of("pipe")]
    assert numbers == sorted(set(numbers))
    assert run.told.count("frames again, after a gap of") == 3
    assert "Traceback" not in run.told


def children(pid):
    """The processes that it started."""
    tasks = Path("/proc/{}/task".format(pid)).iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]
