"""`edgedet eval` from the command line to its files."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
from bright_cells import CATEGORIES, write_data

from edgedet.cli import main


@pytest.fixture
def model(repo: Path) -> str:
    return str(repo / "tests" / "golden" / "tiny_detector.onnx")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "data")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_prints_a_table_and_keeps_four_files(
    model: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", model, "--data", str(data), "--out", str(tmp_path / "run")]) == 0
    out = capsys.readouterr().out
    assert "tiny_detector.onnx on data (val): 3 images" in out
    assert "score >= 0.05, NMS IoU 0.5, at most 300 detections an image" in out
    assert "F1 1.000 (3 hits, 0 missed, 0 false alarms)" in out
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line.strip()}
    assert rows["blue"] == ["blue", "2", "1.000", "1.000", "1.000", "1.000"]
    assert rows["large"][-5:] == ["0", "-", "-", "-", "-"]
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert files == {"metrics.json", "detections.json", "pr_curves.png", "sheet.jpg"}
    assert cv2.imread(str(tmp_path / "run" / "sheet.jpg")) is not None
    assert cv2.imread(str(tmp_path / "run" / "pr_curves.png")) is not None


def test_json_on_stdout_is_the_metrics_file(
    model: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", model, "--data", str(data), "--json", "--buckets", "mine:0-20"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(Path("runs/eval/run/metrics.json").read_text())
    assert printed["all"]["ap"] == pytest.approx(1.0)
    assert printed["buckets"]["mine"]["objects"] == 3
    assert printed["at_cut"]["hits"] == 3
    assert printed["at_best_cut"]["f1"] == pytest.approx(1.0)
    assert printed["at_best_cut"]["score_above"] >= 0.05
    assert printed["max_detections"] == 300
    assert len(printed["curves"]["precision50"]["blue"]) == 101


def test_detections_carry_the_ids_of_the_coco_file(model: str, data: Path) -> None:
    from pycocotools.coco import COCO

    assert main(["eval", model, "--data", str(data)]) == 0
    path = "runs/eval/run/detections.json"
    records = json.loads(Path(path).read_text())
    found = {(r["image_id"], r["category_id"], *r["bbox"]) for r in records}
    assert found == {(10, 7, 0, 0, 16, 16), (10, 9, 32, 16, 16, 16), (20, 9, 48, 48, 16, 16)}
    theirs = COCO(str(data / "annotations" / "val.json")).loadRes(path)
    assert len(theirs.getAnnIds()) == 3


def test_classes_agree_by_name_in_any_order(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    swapped = [{"id": 7, "name": "blue"}, {"id": 9, "name": "other"}]
    data = write_data(tmp_path / "swapped", swapped)
    assert main(["eval", model, "--data", str(data), "--json"]) == 0
    # Every object is found under the other name: nothing is right.
    assert json.loads(capsys.readouterr().out)["all"]["ap"] == 0
    reordered = [{"id": 9, "name": "other"}, {"id": 12, "name": "blue"}]
    data = write_data(tmp_path / "reordered", reordered)
    text = (data / "annotations" / "val.json").read_text()
    text = text.replace('"category_id": 9', '"category_id": 12')
    text = text.replace('"category_id": 7', '"category_id": 9')
    (data / "annotations" / "val.json").write_text(text)
    assert main(["eval", model, "--data", str(data), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["all"]["ap"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--buckets", "aitdo"], 2, "did you mean aitod?"),
        (["--buckets", "near:9-3"], 2, "smallest side < largest side"),
        (["--conf", "2"], 2, "conf in 0..1"),
        (["--split", "valid"], 2, "val"),
        (["--device", "tpu"], 2, "--device auto or cpu or cuda"),
        (["--data", "nowhere"], 3, "nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    model: str,
    data: Path,
    words: list[str],
    code: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["eval", model, "--data", str(data), *words]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1
    assert not Path("runs").exists()


def test_other_classes_are_refused(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_data(tmp_path / "fruit", [{"id": 7, "name": "pear"}, CATEGORIES[1]])
    assert main(["eval", model, "--data", str(data)]) == 4
    assert "classes of the data (pear, blue), found one with other, blue" in capsys.readouterr().err


def test_a_model_that_is_missing_is_one_line(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "missing.onnx", "--data", str(data)]) == 4
    assert main(["eval", "missing.pt", "--data", str(data)]) == 4
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_broken_image_leaves_no_report(
    model: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (data / "images" / "a.png").read_bytes()
    (data / "images" / "a.png").write_bytes(whole[: len(whole) // 2])
    assert main(["eval", model, "--data", str(data)]) == 3
    assert "a.png" in capsys.readouterr().err
    assert list(Path("runs").rglob("*.json")) == []
