"""`edgedet predict` from the command line to its files."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from bright_cells import CELLS, picture, write_images

from edgedet.cli import main
from edgedet.runtime.detections import Detections
from edgedet.runtime.sinks import AnnotatedVideo
from edgedet.runtime.sources import Frame


@pytest.fixture
def model(repo: Path) -> str:
    return str(repo / "tests" / "golden" / "tiny_detector.onnx")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path / "images")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_video(path: Path) -> Path:
    codec = cv2.VideoWriter_fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), codec, 10.0, (96, 64))
    for _ in range(12):
        writer.write(cv2.resize(picture("a.png"), (96, 64)))
    writer.release()
    return path


def test_a_folder_gives_results_and_pictures(
    model: str, images: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", model, "--source", str(images)]) == 0
    run = Path("runs/predict/run")
    assert {path.name for path in run.iterdir()} == {*CELLS, "results.json"}
    document = json.loads((run / "results.json").read_text())
    assert document["schema_version"] == 1
    assert document["image_size"] == [32, 32]
    first, second, empty = document["results"]
    assert Path(first["source"]).name == "a.png"
    assert (first["width"], first["height"]) == (64, 64)
    assert [d["class"] for d in first["detections"]] == ["other", "blue"]
    assert second["detections"][0]["box_xyxy"] == [48, 48, 64, 64]
    assert empty["detections"] == []
    assert (cv2.imread(str(run / "a.png")) != picture("a.png")).any()
    assert (cv2.imread(str(run / "empty.png")) == picture("empty.png")).all()
    captured = capfd.readouterr()
    assert captured.out == "3 images: 1 other, 2 blue; results in runs/predict/run\n"
    assert "a.png: 1 other, 1 blue in" in captured.err
    assert "empty.png: nothing in" in captured.err


def test_json_and_no_save(
    model: str, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--source", str(images / "*.png"), "--no-save", "--json", "--conf", "0.5"]
    assert main(["predict", model, *words, "--out", str(tmp_path / "here")]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [len(result["detections"]) for result in printed["results"]] == [1, 0, 0]
    assert printed == json.loads((tmp_path / "here" / "results.json").read_text())
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["results.json"]


def test_a_video_gives_a_video(
    model: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    video = write_video(tmp_path / "cells.mp4")
    assert main(["predict", model, "--source", str(video)]) == 0
    run = Path("runs/predict/run")
    assert {path.name for path in run.iterdir()} == {"cells.mp4", "results.json"}
    results = json.loads((run / "results.json").read_text())["results"]
    assert len(results) == 12
    assert results[3]["source"].endswith("cells.mp4#3")
    written = cv2.VideoCapture(str(run / "cells.mp4"))
    assert written.get(cv2.CAP_PROP_FPS) == pytest.approx(10)
    frames = []
    while (read := written.read())[0]:
        frames.append(read[1])
    assert len(frames) == 12
    assert frames[0].shape == (64, 96, 3)
    assert np.abs(frames[0].astype(int) - cv2.resize(picture("a.png"), (96, 64))).max() > 60
    assert "12 frames, median" in capfd.readouterr().err


def test_names_that_a_glob_finds_twice_do_not_overwrite_each_other(
    model: str, tmp_path: Path
) -> None:
    for part in ("left", "right"):
        write_images(tmp_path / "both" / part)
    assert main(["predict", model, "--source", str(tmp_path / "both" / "*" / "a.png")]) == 0
    pictures = {path.name for path in Path("runs/predict/run").glob("*.png")}
    assert pictures == {"a.png", "1_a.png"}


@pytest.mark.parametrize("source", ["missing.jpg", "none/*.jpg", "rtsp://camera"])
def test_a_source_without_frames_is_one_line_and_leaves_nothing(
    model: str, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", model, "--source", source]) in (2, 3)
    captured = capsys.readouterr()
    assert len(captured.err.splitlines()) == 1
    assert captured.out == ""
    assert not Path("runs").exists()


def test_a_broken_image_leaves_no_results(
    model: str, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (images / "b.png").read_bytes()
    (images / "b.png").write_bytes(whole[: len(whole) // 2])
    assert main(["predict", model, "--source", str(images)]) == 3
    assert "b.png" in capsys.readouterr().err
    assert not list(Path("runs").rglob("results.json"))


def test_a_video_that_fails_halfway_is_not_left_behind(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgedet.runtime.detector import Detector

    calls = iter(range(100))
    look = Detector.__call__

    def interrupted(self: Detector, image: np.ndarray) -> object:
        if next(calls) == 5:
            raise KeyboardInterrupt
        return look(self, image)

    monkeypatch.setattr(Detector, "__call__", interrupted)
    video = write_video(tmp_path / "cells.mp4")
    assert main(["predict", model, "--source", str(video)]) == 130
    assert list(Path("runs/predict/run").iterdir()) == []


def test_frames_of_odd_size_lose_a_row_and_a_column(tmp_path: Path) -> None:
    frame = Frame(np.full((65, 97, 3), 200, np.uint8), "odd#0", 0, 0.0)
    with AnnotatedVideo(tmp_path / "odd.mp4", ("other",), fps=0.0) as sink:
        sink.put(frame, Detections.empty())
    assert cv2.VideoCapture(str(tmp_path / "odd.mp4")).read()[1].shape == (64, 96, 3)


def test_a_folder_that_cannot_be_made_is_one_line(
    model: str, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--source", str(images), "--out", str(images / "a.png" / "run")]
    assert main(["predict", model, *words]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_real_video(model: str, shared_data: Path) -> None:
    video = shared_data / "video" / "bottle-detection.mp4"
    assert main(["predict", model, "--source", str(video), "--conf", "0.9"]) == 0
    assert cv2.VideoCapture("runs/predict/run/bottle-detection.mp4").isOpened()
