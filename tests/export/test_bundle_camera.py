"""The camera of a bundle on a real Python 3.6, with nothing but numpy, OpenCV and ONNX Runtime."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from rtsp_process import RtspProcess, free_port, require_rtsp
from test_bundle import ONNX, PYTHON36, farthest_px

from edgedet.cli import main
from edgedet.runtime import open_detector
from edgedet.runtime.engine_cache import FOLDER_VARIABLE
from edgedet.runtime.sources import open_source
from edgedet.runtime.synthetic_frames import synthetic_frames

FRAMES = 20


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Words that run the camera of a bundle, in an empty folder."""
    python = os.environ.get(PYTHON36)
    if not python:
        pytest.skip(f"NO PYTHON 3.6 WITH NUMPY, OPENCV AND ONNX RUNTIME: name it in {PYTHON36}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("LC_ALL", "C")  # as services have it
    assert main(["export", str(ONNX), "--bundle", "model.pyz"]) == 0
    return [python, "model.pyz", "camera"]


@pytest.fixture
def video(command: list[str]) -> Path:
    """A file without loss: decoders of all ages give the same pixels."""
    path = Path("video.mkv")
    code = cv2.VideoWriter.fourcc(*"FFV1")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, 10, (640, 480))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no FFV1")
    for frame in synthetic_frames(FRAMES, (480, 640)):
        writer.write(frame)
    writer.release()
    return path


@contextmanager
def running(words: list[str]) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True) as program:
        try:
            yield program
        finally:
            program.kill()


def rows(program: subprocess.Popen[str], count: int) -> list[dict[str, Any]]:
    assert program.stdout is not None
    lines = [program.stdout.readline() for _ in range(count)]
    return [json.loads(line) for line in lines]


def ended(program: subprocess.Popen[str]) -> str:
    program.terminate()
    told = program.communicate(timeout=60)[1]
    assert program.returncode == 0, told
    assert "Traceback" not in told
    return told


def test_it_finds_in_a_file_what_the_host_finds(command: list[str], video: Path) -> None:
    Path("camera.json").write_text(json.dumps({"fast": True, "record": "recordings"}))
    words = [*command, "--source", str(video), "--conf", "0", "--json", "--config", "camera.json"]
    ran = subprocess.run(words, capture_output=True, text=True, check=True)
    seen = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [row["frame"] for row in seen] == list(range(FRAMES))
    with open_detector(ONNX, conf=0.0) as detector:
        for frame, row in zip(open_source(str(video)), seen, strict=True):
            found = detector(frame.image_bgr)
            assert len(found) == len(row["detections"]) > 0
            assert farthest_px(row["detections"], found) < 1.5e-3
    (recorded,) = Path("recordings").iterdir()
    assert cv2.VideoCapture(str(recorded)).read()[0]


def test_its_web_page_shows_the_file(command: list[str], video: Path) -> None:
    port = free_port()
    Path("camera.json").write_text(json.dumps({"loop": True, "track": True}))
    words = [*command, "--source", str(video), "--config", "camera.json", "--json"]
    words += ["--serve", "--listen", f"127.0.0.1:{port}"]
    with running(words) as program:
        rows(program, 3)
        assert b"<!doctype html>" in fetched(port, "/").lower()
        state = json.loads(fetched(port, "/api/state"))
        assert state["cameras"][0]["state"] == "live"
        assert b'edgedet_camera_live{camera="camera"} 1.0' in fetched(port, "/metrics")
        for pictures in (fetched(port, "/snapshot/camera.jpg"), streamed(port)):
            assert jpeg_of(pictures).shape == (480, 640, 3)
        ended(program)


def fetched(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
        return bytes(answer.read())


def streamed(port: int) -> bytes:
    """The beginning of the live picture: two of them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/stream/camera.mjpg") as answer:
        content = b""
        while content.count(b"\xff\xd9\r\n--") < 2:
            content += answer.read1(1 << 16)
        return content


def jpeg_of(content: bytes) -> np.ndarray[Any, Any]:
    begin = content.index(b"\xff\xd8")
    end = content.index(b"\xff\xd9", begin) + 2
    return cv2.imdecode(np.frombuffer(content[begin:end], np.uint8), cv2.IMREAD_COLOR)


def test_it_sees_an_rtsp_stream_again_that_was_away(command: list[str]) -> None:
    require_rtsp()
    with RtspProcess() as server:
        words = [*command, "--source", server.uri, "--json", "--record", "recordings"]
        with running(words) as program:
            before = rows(program, 20)[-1]
            assert (before["width"], before["height"]) == (320, 240)
            server.kill()
            with RtspProcess(size=(640, 480), port=server.port):
                after = before
                while (after["width"], after["height"]) != (640, 480):
                    (after,) = rows(program, 1)
                assert after["frame"] > before["frame"]
                told = ended(program)
    assert "frames again, after a gap of" in told
    assert {path.suffix for path in Path("recordings").iterdir()} <= {".mkv", ".avi"}
