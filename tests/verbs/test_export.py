"""`edgedet export` from the command line to its file."""

from __future__ import annotations

import json
import pickle
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
import yaml
from small_checkpoint import CLASSES, IMGSZ, write_checkpoint

import edgedet.model_export
from edgedet.cli import main
from edgedet.export.metadata import read_spec
from edgedet.export_recipe import ExportRecipe, load_export_recipe
from edgedet.runtime import open_detector
from edgedet.runtime.checksum import sha256_of
from edgedet.runtime.errors import ModelError
from edgedet.runtime.model_reference import REFERENCE_KEY
from edgedet.runtime.onnx_facts import metadata_text


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "model.pt")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_data(folder: Path) -> Path:
    """Three images of one white square each, as a COCO folder."""
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    names = [f"{index}.png" for index in range(3)]
    for index, name in enumerate(names):
        image = np.full((IMGSZ, IMGSZ, 3), 60 * index, np.uint8)
        cv2.rectangle(image, (40, 40), (79, 79), (255, 255, 255), -1)
        cv2.imwrite(str(folder / "images" / name), image)
    content = {
        "images": [
            {"id": i, "file_name": name, "width": IMGSZ, "height": IMGSZ}
            for i, name in enumerate(names, start=1)
        ],
        "categories": [{"id": i, "name": name} for i, name in enumerate(CLASSES, start=1)],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 1, "bbox": [40, 40, 40, 40], "area": 1600}
            for i in range(1, len(names) + 1)
        ],
    }
    (folder / "annotations" / "val.json").write_text(json.dumps(content))
    return folder


def export(*words: object) -> int:
    return main(["export", *map(str, words)])


def recipe(**settings: object) -> list[str]:
    Path("export.yaml").write_text(json.dumps(settings))  # JSON is YAML
    return ["--recipe", "export.yaml"]


def test_writes_a_file_that_runs_and_prints_the_parity_table(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(checkpoint, "--out", "new/model.onnx") == 0
    captured = capsys.readouterr()
    assert "new/model.onnx: " in captured.out
    assert "opset 13, IR version 7" in captured.out
    assert "9000 candidates of 9 images (generated), 0 differ" in captured.out
    assert "| box, px" in captured.out
    assert "Warning" not in captured.err
    with open_detector("new/model.onnx") as detector:
        assert detector.spec.class_names == CLASSES
        assert detector.spec.input_dtype == "uint8"
        detector(np.zeros((100, 150, 3), np.uint8))
    assert {path.name for path in Path("new").iterdir()} == {"model.onnx", "model.export.yaml"}


def test_the_default_place_is_a_run_folder(checkpoint: Path) -> None:
    assert export(checkpoint) == 0
    assert Path("runs/export/run/model.onnx").is_file()


def test_flags_and_recipe_reach_the_graph(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--batch", "2", "--out", "model.onnx", "--json"]
    words += recipe(input="float", opset=15, top_k=50)
    assert export(checkpoint, *words) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["input_shape"] == [2, 3, IMGSZ, IMGSZ]
    assert printed["input_dtype"] == "float32"
    assert (printed["opset"], printed["top_k"]) == (15, 50)
    assert printed["parity"]["passed"]
    assert printed["parity"]["candidates"] == 9 * 50
    assert printed["sha256"] == sha256_of(Path("model.onnx"))
    assert printed["accuracy"] is None


def test_the_same_checkpoint_gives_the_same_bytes(checkpoint: Path) -> None:
    for name in ("a.onnx", "b.onnx"):
        assert export(checkpoint, "--out", name) == 0
    assert Path("a.onnx").read_bytes() == Path("b.onnx").read_bytes()
    assert metadata_text(Path("a.onnx"), REFERENCE_KEY)
    provenance = read_spec(onnx.load("a.onnx")).provenance
    assert provenance["checkpoint_sha256"] == sha256_of(checkpoint)
    assert set(provenance) >= {"edgedet", "torch", "onnx"}
    assert not [name for name in provenance if "date" in name or "time" in name]


@pytest.mark.parametrize(("words", "settings"), [([], {}), (["--batch", "2"], {"input": "float"})])
def test_with_data_the_difference_of_ap_is_printed(
    checkpoint: Path,
    tmp_path: Path,
    words: list[str],
    settings: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = write_data(tmp_path / "data")
    words = [*words, *recipe(**settings), "--data", str(data), "--out", "model.onnx"]
    assert export(checkpoint, *words, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["parity"]["images"] == 3
    assert printed["accuracy"]["difference"] == pytest.approx(0, abs=0.002)
    assert export(checkpoint, *words) == 0
    assert "| AP, " in capsys.readouterr().out


def spoil_weights(model: object) -> None:
    """Another network than the one that was exported."""
    with torch.no_grad():
        for parameter in model.parameters():  # type: ignore[attr-defined]
            parameter.add_(0.05)


def test_a_failing_parity_leaves_no_file(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    graph_of = edgedet.model_export.graph_from_torch

    def other_graph(model: object, *arguments: object) -> object:
        graph = graph_of(model, *arguments)  # type: ignore[arg-type]
        spoil_weights(model)
        return graph

    monkeypatch.setattr(edgedet.model_export, "graph_from_torch", other_graph)
    assert export(checkpoint, "--out", "model.onnx") == 4
    assert export(checkpoint) == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "agree with PyTorch" in captured.err
    assert list(Path().rglob("*")) == [Path("runs"), Path("runs/export")]


def test_a_failing_parity_keeps_the_file_that_was_there(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("model.onnx").write_bytes(b"an earlier one")
    monkeypatch.setattr(edgedet.model_export.Parity, "passed", False)
    assert export(checkpoint, "--out", "model.onnx") == 4
    assert Path("model.onnx").read_bytes() == b"an earlier one"


def test_another_ap_leaves_no_file(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_data(tmp_path / "data")
    values = iter([0.5, 0.497])
    monkeypatch.setattr(edgedet.model_export, "average_precision", lambda *_: next(values))
    assert export(checkpoint, "--data", data, "--out", "model.onnx") == 4
    assert not Path("model.onnx").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--batch", "0"], 2, "--batch"),
        (["--recipe", "missing.yaml"], 2, "missing.yaml to be a YAML file"),
        (["--out", "model.pt"], 2, ".onnx"),
        (["--split", "valid"], 2, "--split"),
        (["--data", "nowhere"], 3, "nowhere"),
        (["--out", "file/model.onnx"], 2, "can be written"),
        (["--out", "/proc/model.onnx"], 2, "can be written"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    checkpoint: Path,
    words: list[str],
    code: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("file").touch()
    assert export(checkpoint, *words) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1
    assert list(Path().rglob("*.onnx")) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"opset": 12}, "recipe key opset to be from 13 to 18, found 12"),
        ({"opset": 19}, "recipe key opset to be from 13 to 18"),
        ({"top_k": 3841}, "recipe key top_k to be from 1 to 3840"),
        ({"input": "int8"}, "recipe key input to be one of uint8, float"),
        ({"bbox_mode": "corners"}, "recipe key bbox_mode to be one of xywh, xyxy"),
        ({"top-k": 5}, "did you mean 'top_k'"),
        ({"images": "many"}, "recipe key images to be of type int, found 'many'"),
        ({"images": 0}, "recipe key images to be at least 1"),
        ({"forms": []}, "recipe key forms to be some of tensorrt, cpu, each once, found none"),
        ({"forms": ["cpu", "gpu"]}, "found cpu, gpu"),
        ({"calibration_split": "valid"}, "recipe key calibration_split"),
        ({"seed": -1}, "recipe key seed"),
        ({"buckets": "cocoa"}, "did you mean coco"),
        ({"max_drop_smallest": -1}, "recipe key max_drop_smallest"),
        ({"budget_minutes": float("inf")}, "recipe key budget_minutes to be at least 0"),
    ],
)
def test_a_mistake_in_the_recipe_is_one_line(
    settings: dict[str, object], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the checkpoint is read."""
    assert export("missing.pt", *recipe(**settings)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1


def test_the_resolved_recipe_lies_beside_and_makes_the_same_file(checkpoint: Path) -> None:
    assert export(checkpoint, "--target", "nano-trt82", "--out", "a.onnx") == 0
    written = load_export_recipe(Path("a.export.yaml"))
    assert written == ExportRecipe(input="float", opset=13, top_k=1000)
    words = ["--target", "nano-trt82", "--recipe", "a.export.yaml"]
    assert export(checkpoint, *words, "--out", "b.onnx") == 0
    assert Path("a.onnx").read_bytes() == Path("b.onnx").read_bytes()
    assert Path("a.export.yaml").read_text() == Path("b.export.yaml").read_text()


def test_the_recipe_in_the_docs_has_every_key_and_its_default(repo: Path) -> None:
    page = (repo / "docs" / "export.md").read_text()
    Path("page.yaml").write_text(page.partition("```yaml\n")[2].partition("```")[0])
    found = load_export_recipe(Path("page.yaml"))
    assert found == ExportRecipe(input="uint8", opset=13, top_k=1000)
    assert list(asdict(found)) == list(yaml.safe_load(Path("page.yaml").read_text()))


class RunsCode:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("was-here"),)  # type: ignore[return-value]


def test_a_checkpoint_that_holds_code_is_refused_unread(
    capsys: pytest.CaptureFixture[str],
) -> None:
    torch.save({"model": RunsCode()}, "evil.pt")
    Path("plain.pt").write_bytes(pickle.dumps(RunsCode()))
    for name in ("evil.pt", "plain.pt"):
        assert export(name, "--out", "model.onnx") == 4
    captured = capsys.readouterr()
    assert len(captured.err.splitlines()) == 2
    assert not Path("was-here").exists()
    assert not Path("model.onnx").exists()


@pytest.mark.parametrize("name", ["missing.pt", "text.pt", "model.onnx"])
def test_a_file_that_is_no_checkpoint_is_one_line(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if name != "missing.pt":
        Path(name).write_text("no checkpoint")
    assert export(name) == 4
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not Path("runs").exists()


def test_json_errors_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert export("missing.pt", "--json") == 4
    assert json.loads(capsys.readouterr().out)["error"] == "ModelError"


def test_a_target_sets_what_it_needs_and_is_named_in_the_result(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--target", "nano-trt82", "--out", "model.onnx")
    assert export(checkpoint, *words, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["input_dtype"], printed["opset"]) == ("float32", 13)
    assert printed["target"]["name"] == "nano-trt82"
    assert printed["target"]["fits"]
    assert read_spec(onnx.load("model.onnx")).provenance["target"] == "nano-trt82"
    assert export(checkpoint, "--target", "rtx", "--out", "model.onnx") == 0
    out = capsys.readouterr().out
    assert "uint8 NHWC BGR" in out
    assert "target rtx, TensorRT-RTX 1.7 (RTX cards): fits" in out


@pytest.mark.parametrize(
    ("target", "settings", "message"),
    [
        ("nano-trt82", {"input": "uint8"}, "recipe key input to be float for nano-trt82"),
        ("nano-trt82", {"opset": 14}, "recipe key opset up to 13 for nano-trt82"),
        ("jetson-trt85", {"opset": 18}, "recipe key opset up to 17 for jetson-trt85"),
        ("jetson-nano", {}, "did you mean"),
    ],
)
def test_what_a_target_cannot_have_is_one_line(
    target: str, settings: dict[str, object], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the checkpoint is read."""
    assert export("missing.pt", "--target", target, *recipe(**settings)) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1


def test_a_graph_that_the_target_refuses_leaves_no_file(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    graph_of = edgedet.model_export.graph_from_torch

    def with_other_operators(*arguments: object) -> onnx.ModelProto:
        graph = graph_of(*arguments)  # type: ignore[arg-type]
        for node in graph.graph.node:
            node.op_type = {"Relu": "Mish"}.get(node.op_type, node.op_type)
        return graph

    monkeypatch.setattr(edgedet.model_export, "graph_from_torch", with_other_operators)
    assert export(checkpoint, "--target", "nano-trt82", "--out", "model.onnx") == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "8 places that it refuses" in captured.err.splitlines()[-1]
    assert "Mish /model/blocks.0/blocks.0.2/Relu from blocks.0.2" in captured.err
    assert not Path("model.onnx").exists()


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("model.onnx", 4, "--int8, --trt or --bundle with an ONNX file, found model.onnx alone"),
        ("m.engine", 4, "give the model.pt or model.onnx that the engine was built from"),
    ],
)
def test_what_is_no_checkpoint_is_told_by_its_name(
    name: str, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(name).write_bytes(b"not read")
    assert main(["export", name]) == code
    assert says in capsys.readouterr().err


def test_a_model_of_others_is_not_sent_back_to_the_command_that_refused_it() -> None:
    foreign = onnx.helper.make_model(onnx.helper.make_graph([], "foreign", [], []))
    with pytest.raises(ModelError, match="models of others run as they are"):
        read_spec(foreign)
