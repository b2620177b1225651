"""`edgedet camera` finds in a video what its model is known to find there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

VIDEO = "bottle-detection.mp4"


@pytest.fixture(scope="module")
def rows(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """The lines of one run over the whole video, every frame of it."""
    folder = tmp_path_factory.mktemp("run")
    settings = {"fast": True, "conf": 0.4, "iou": 0.45}
    (folder / "camera.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "edgedet", "camera"]
    command += [str(shared_data / "weights" / "yolox_nano_coco_416.onnx"), "--json"]
    command += ["--source", str(shared_data / "video" / VIDEO), "--config", "camera.json"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.mark.slow
def test_every_frame_of_the_file_is_there_once_and_in_order(
    rows: list[dict[str, object]], shared_data: Path
) -> None:
    known = json.loads((shared_data / "weights" / "expected.json").read_text())["videos"][VIDEO]
    assert [row["frame"] for row in rows] == list(range(known["frames"]))


@pytest.mark.slow
def test_classes_are_those_of_the_reference(
    rows: list[dict[str, object]], shared_data: Path
) -> None:
    """In how many of the sampled frames each class is: counted by others, with another program."""
    weights = shared_data / "weights"
    known = json.loads((weights / "expected.json").read_text())["videos"][VIDEO]
    older_names = json.loads((weights / "coco_80_labels.json").read_text())
    sampled = rows[:: known["sampled_every"]]
    assert len(sampled) == known["sampled"]
    found = Counter(
        older_names[label]
        for row in sampled
        for label in {each["label"] for each in row["detections"]}  # type: ignore[attr-defined]
    )
    assert found == known["frames_with_class"]


@pytest.mark.slow
def test_boxes_and_scores_are_those_of_the_reference(shared_data: Path, tmp_path: Path) -> None:
    """On the photographs whose boxes are known, as a folder in a camera's place."""
    weights = shared_data / "weights"
    known = json.loads((weights / "expected.json").read_text())["samples"]
    older_names = json.loads((weights / "coco_80_labels.json").read_text())
    (tmp_path / "camera.json").write_text('{"fast": true, "conf": 0.35, "iou": 0.45}')
    command = [sys.executable, "-m", "edgedet", "camera", str(weights / "yolox_nano_coco_416.onnx")]
    command += ["--source", str(weights / "samples"), "--config", "camera.json", "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    shown = [json.loads(line)["detections"] for line in ran.stdout.splitlines()]
    names = sorted(path.name for path in (weights / "samples").iterdir())
    assert len(shown) == len(names)
    for name, detections in zip(names, shown, strict=True):
        expected = known[name]["yolox_nano"]
        assert [older_names[each["label"]] for each in detections] == [row[0] for row in expected]
        for each, row in zip(detections, expected, strict=True):
            assert each["score"] == pytest.approx(row[1], abs=0.02)
            assert each["box_xyxy"] == pytest.approx(row[2:], abs=2)
