"""Detectors that others trained, through the command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import made_outputs
import numpy as np
import pytest
from foreign_models import write_model

from edgedet.cli import main
from edgedet.export.bundle import write_bundle
from edgedet.runtime.adapters.class_names import COCO_80
from edgedet.runtime.errors import ModelError

OURS = Path(__file__).parent / "golden" / "tiny_detector.onnx"
SIZE = (96, 160)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGEDET_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def model(folder: Path) -> Path:
    """YOLOv8's form with two named classes."""
    outputs = {"output0": made_outputs.decoded_yolov8(SIZE, 2).T[None]}
    metadata = {"names": "{0: 'ripe', 1: 'unripe'}", "task": "detect"}
    path: Path = write_model(folder / "v8.onnx", outputs, (1, 3, *SIZE), metadata=metadata)
    return path


@pytest.fixture
def yolox(folder: Path, shared_data: Path) -> Path:
    name = "yolox_nano_coco_416.onnx"
    return Path(shutil.copy(shared_data / "weights" / name, folder / name))


def info(path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["info", str(path), "--adapt", "--json"]) == 0
    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    return facts


def test_info_recognises_it_and_writes_the_spec_file(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = info(model, capsys)
    told = facts["adaptation"]
    assert (told["family"], told["written"]) == ("yolov8", True)
    assert facts["spec"]["class_names"] == ["ripe", "unripe"]
    written = json.loads(Path("v8.edgedet.json").read_text())
    assert (written["family"], written["unit"]) == ("yolov8", "pixels")
    assert any("letterbox" in line for line in told["assumed"])


def test_a_file_that_says_everything_is_kept_as_it_is(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    info(model, capsys)
    changed = json.loads(Path("v8.edgedet.json").read_text())
    changed.update(class_names=["a", "b"], color="BGR")
    Path("v8.edgedet.json").write_text(json.dumps(changed))
    before = Path("v8.edgedet.json").read_bytes()
    facts = info(model, capsys)
    assert facts["adaptation"]["written"] is False
    assert facts["adaptation"]["assumed"] == []
    assert (facts["spec"]["color"], facts["spec"]["class_names"]) == ("BGR", ["a", "b"])
    assert Path("v8.edgedet.json").read_bytes() == before


def test_a_file_that_says_little_is_filled_up(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("v8.edgedet.json").write_text('{"schema_version": 1, "score_threshold": 0.7}')
    assert info(model, capsys)["adaptation"]["written"] is True
    written = json.loads(Path("v8.edgedet.json").read_text())
    assert (written["score_threshold"], written["family"]) == (0.7, "yolov8")


def test_info_says_it_in_lines_and_without_adapt_how_to_ask(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(model)]) == 0
    assert "--adapt" in capsys.readouterr().out
    assert not Path("v8.edgedet.json").exists()
    assert main(["info", str(model), "--adapt"]) == 0
    text = capsys.readouterr().out
    for part in ("family", "recognised", "assumed", "v8.edgedet.json, written", "2: ripe, unripe"):
        assert part in text


@pytest.mark.parametrize(
    ("path", "message"), [(OURS, "leave --adapt out"), (Path("gone.onnx"), "gone.onnx")]
)
def test_what_needs_no_adaptation_is_refused(
    path: Path, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(path), "--adapt"]) in (2, 4)
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_wrong_key_is_one_line_with_the_nearest(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("v8.edgedet.json").write_text('{"schema_version": 1, "colour": "BGR"}')
    cv2.imwrite("a.png", np.zeros((96, 160, 3), np.uint8))
    assert main(["predict", str(model), "--source", "a.png"]) == 4
    error = capsys.readouterr().err
    assert "did you mean 'color'" in error
    assert error.count("\n") == 1


def test_predict_and_bench_run_it(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite("a.png", np.zeros((192, 320, 3), np.uint8))
    assert main(["predict", str(model), "--source", "a.png", "--json"]) == 0
    output = capsys.readouterr()
    (result,) = json.loads(output.out)["results"]
    assert {each["class"] for each in result["detections"]} == {"ripe", "unripe"}
    assert "v8.onnx is taken for yolov8" in output.err
    words = ["--iterations", "2", "--warmup", "1", "--source", "a.png", "--json"]
    assert main(["bench", str(model), *words]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["input_size_hw"] == [96, 160]


def coco_set(yolox: Path, shared_data: Path) -> Path:
    """The sample photographs with the boxes that YOLOX is known to find, of three classes."""
    samples = shared_data / "weights" / "samples"
    known = json.loads((shared_data / "weights" / "expected.json").read_text())["samples"]
    names = ["bird", "dog", "cat"]
    images, boxes = [], []
    for number, (name, facts) in enumerate(known.items()):
        shutil.copy(samples / name, name)
        width, height = facts["size"]
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        for label, _, left, top, right, bottom in facts["yolox_nano"]:
            if label in names:
                box = [left, top, right - left, bottom - top]
                common = {"iscrowd": 0, "area": box[2] * box[3], "image_id": number}
                category = {"category_id": names.index(label), "bbox": box, "id": len(boxes)}
                boxes.append({**common, **category})
    categories = [{"id": label, "name": name} for label, name in enumerate(names)]
    content = {"images": images, "annotations": boxes, "categories": categories}
    Path("set.json").write_text(json.dumps(content))
    return Path("set.json")


def test_eval_maps_classes_by_name(
    yolox: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = coco_set(yolox, shared_data)
    assert main(["eval", str(yolox), "--data", str(data), "--conf", "0.3", "--json"]) == 0
    output = capsys.readouterr()
    assert "77 of the model's 80 classes are not in the data: not counted" in output.err
    metrics = json.loads(output.out)["all"]
    assert metrics["ap50"] > 0.95
    assert metrics["ap"] > 0.9
    assert {"cat", "dog", "bird"} < set(COCO_80)


def run_bundle(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "model.pyz", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_bundle_carries_the_spec_file(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite("a.png", np.zeros((192, 320, 3), np.uint8))
    with pytest.raises(ModelError, match=r"edgedet info .*v8\.onnx --adapt"):
        write_bundle(Path("model.pyz"), model)
    info(model, capsys)
    changed = json.loads(Path("v8.edgedet.json").read_text())
    Path("v8.edgedet.json").write_text(json.dumps({**changed, "class_names": ["a", "Bäume"]}))
    assert main(["export", str(model), "--bundle", "model.pyz"]) == 0
    capsys.readouterr()
    assert main(["predict", str(model), "--source", "a.png", "--json"]) == 0
    here = json.loads(capsys.readouterr().out)["results"][0]["detections"]
    model.unlink()
    Path("v8.edgedet.json").unlink()
    ran = run_bundle("predict", "--source", "a.png", "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["results"][0]["detections"] == here
    assert {each["class"] for each in here} == {"a", "Bäume"}
    assert "taken for" not in ran.stderr


@pytest.mark.parametrize(
    "words", [("build",), ("predict", "--backend", "tensorrt", "--source", "a.png")]
)
def test_engines_of_foreign_models_are_refused_in_one_line(
    model: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    info(model, capsys)
    write_bundle(Path("model.pyz"), model)
    ran = run_bundle(*words)
    assert ran.returncode == 5
    assert "one that others trained" in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_an_unknown_form_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_model(folder / "odd.onnx", {"y": np.zeros((1, 7), np.float32)}, (1, 3, 8, 8))
    assert main(["info", str(path), "--adapt"]) == 4
    error = capsys.readouterr().err
    assert "y float32 [1, 7]" in error
    assert error.count("\n") == 1
    assert not Path("odd.edgedet.json").exists()
