"""Whole runs, in processes of their own: what a user starts, and what comes out."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
cv2 = pytest.importorskip("cv2")

from small_bundle import write_small_bundle  # noqa: E402

from edgedet.runtime import engine_cache  # noqa: E402


@pytest.fixture
def camera(tmp_path):
    """Starts `model.pyz camera`; what still runs at the end is killed."""
    bundle = write_small_bundle(tmp_path / "model.pyz")
    running = []

    def start(*words, **settings):
        config = tmp_path / "camera.json"
        config.write_text(json.dumps(settings))
        command = [sys.executable, str(bundle), "camera", "--backend", "onnxruntime"]
        command += ["--config", str(config)] + list(words)
        environment = dict(os.environ, **{engine_cache.FOLDER_VARIABLE: str(tmp_path / "cache")})
        pipe = subprocess.PIPE
        program = subprocess.Popen(
            command,
            stdout=pipe,
            stderr=pipe,
            universal_newlines=True,
            cwd=str(tmp_path),
            env=environment,
        )
        running.append(program)
        return program

    yield start
    for program in running:
        if program.poll() is None:
            program.kill()
        program.wait()
        for pipe in (program.stdout, program.stderr):
            if pipe is not None:
                pipe.close()


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def ended(program, number=signal.SIGTERM):
    program.send_signal(number)
    out, error = program.communicate(timeout=30)
    assert program.returncode == 0, error
    assert "Traceback" not in error
    return out, error


def test_two_cameras_on_one_model_and_a_signal_that_ends_them(camera):
    program = camera(
        "--source",
        "shapes://64x48@100",
        "--source",
        "shapes://80x60@100",
        "--json",
        name=["a", "b"],
    )
    seen = [json.loads(program.stdout.readline()) for _ in range(40)]
    out, error = ended(program)
    assert {row["camera"] for row in seen} == {"a", "b"}
    assert {(row["width"], row["height"]) for row in seen} == {(64, 48), (80, 60)}
    assert all(json.loads(line) for line in out.splitlines())
    closing = error.splitlines()[-2:]
    assert closing[0].startswith("a: ")
    assert closing[1].startswith("b: ")


def test_its_page_tells_of_it(camera):
    port = free_port()
    program = camera(
        "--source", "shapes://64x48@50", "--serve", "--listen", "127.0.0.1:{}".format(port)
    )
    for line in iter(program.stderr.readline, ""):
        if line.startswith("open http://127.0.0.1:{}/".format(port)):
            break
    program.stdout.readline()  # a frame was looked at
    with urllib.request.urlopen("http://127.0.0.1:{}/api/state".format(port)) as answer:
        state = json.loads(answer.read().decode())
    assert state["cameras"][0]["state"] == "live"
    with urllib.request.urlopen("http://127.0.0.1:{}/metrics".format(port)) as answer:
        assert "edgedet" in answer.read().decode()
    ended(program, signal.SIGINT)


def test_systemd_is_told(camera, tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "600000")
        program = camera("--source", "shapes://64x48@50")
        assert systemd.recv(100) == b"READY=1"
        assert [systemd.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        ended(program)
        messages = []
        while b"STOPPING=1" not in messages:
            messages.append(systemd.recv(100))


def test_the_log_for_machines(camera):
    program = camera("--source", "shapes://64x48@50", "--frames", "5", log="json")
    _, error = program.communicate(timeout=30)
    logged = [json.loads(line) for line in error.splitlines() if line.startswith("{")]
    assert len(logged) == len(error.splitlines()), error
    assert "looked at 5 frames" in logged[-1]["message"]


def test_a_folder_that_cannot_be_had_is_told_before_the_cameras_run(camera, tmp_path):
    (tmp_path / "taken").write_text("a file")
    program = camera("--source", "shapes://64x48@30", "--record", str(tmp_path / "taken"))
    _, error = program.communicate(timeout=30)
    assert program.returncode == 2
    assert "expected a folder to write in" in error


def test_a_token_of_the_settings_is_not_told(camera):
    program = camera(
        "--source", "shapes://64x48@30", "--frames", "3", "--serve",
        listen="127.0.0.1:{}".format(free_port()), token="a-secret-of-mine",
    )  # fmt: skip
    _, error = program.communicate(timeout=30)
    assert program.returncode == 0, error
    assert "?token=TOKEN" in error
    assert "a-secret-of-mine" not in error


def test_an_event_is_told_and_kept_as_a_picture(camera, tmp_path):
    program = camera(
        "--source", "shapes://64x48@30", "--on", "blue", "--on", "other", "--conf", "0.01",
        snapshots=str(tmp_path / "events"), frames=60,
    )  # fmt: skip
    _, error = program.communicate(timeout=60)
    assert program.returncode == 0, error
    pictures = list((tmp_path / "events").iterdir())
    assert len(pictures) == error.count("appeared")


def test_nobody_reads_any_more(camera):
    program = camera("--source", "shapes://64x48@100", "--json")
    program.stdout.readline()
    program.stdout.close()
    program.stdout = None
    _, error = program.communicate(timeout=30)
    assert program.returncode in (0, 141), error
    assert "Traceback" not in error


def test_a_recording_of_a_killed_camera_plays(camera, tmp_path):
    program = camera("--source", "shapes://320x240@60", "--record", str(tmp_path / "r"))
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        files = list(Path(str(tmp_path / "r")).glob("camera_*"))
        if files and files[0].stat().st_size > 0:
            break
        time.sleep(0.2)
    program.kill()
    program.wait()
    assert cv2.VideoCapture(str(files[0])).read()[0]


def test_a_file_that_is_looked_at_fast_is_recorded_at_its_own_pace(camera, tmp_path):
    """4 seconds of video are 4 seconds of recording, however soon they were looked at."""
    path = str(tmp_path / "a.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no videos")
    for number in range(40):
        writer.write(np.full((48, 64, 3), 6 * number, np.uint8))
    writer.release()
    program = camera("--source", path, "--record", str(tmp_path / "r"), "--json", fast=True)
    out, error = program.communicate(timeout=60)
    assert program.returncode == 0, error
    assert len(out.splitlines()) == 40
    (video,) = (tmp_path / "r").iterdir()
    capture, frames = cv2.VideoCapture(str(video)), 0
    while capture.read()[0]:
        frames += 1
    assert abs(frames / 15 - 4) < 0.2
