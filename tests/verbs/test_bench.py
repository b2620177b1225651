"""`edgedet bench` on a real exported model."""

import json

import pytest

from edgedet.cli import main

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

QUICK = ["--iterations", "2", "--warmup", "1", "--threads", "1"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from edgedet.export.from_torch import onnx_from_torch
    from edgedet.models.registry import build_model

    path = tmp_path_factory.mktemp("model") / "model.onnx"
    ours = build_model("scale_aware_ssd", ("car", "bus"), {"imgsz": 64})
    facts = {"builder": "scale_aware_ssd", "precision": "float32"}
    onnx_from_torch(ours, path, provenance=facts)
    return path


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_table_and_the_file(model, tmp_path, capsys):
    assert main(["bench", str(model), *QUICK]) == 0
    printed = capsys.readouterr().out
    assert "frame to result" in printed
    assert "Nvidia RTX 3090" in printed
    (written,) = tmp_path.glob("runs/bench/*/bench.json")
    assert json.loads(written.read_text())["iterations"] == 2


def test_json_on_stdout_is_the_file_and_nothing_else(model, tmp_path, capsys):
    out = tmp_path / "mine"
    assert main(["bench", str(model), *QUICK, "--json", "--no-compare", "--out", str(out)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((out / "bench.json").read_text())
    assert printed["published"] is None
    assert printed["device"] == "cpu"
    assert printed["stages"]["infer"]["median_ms"] > 0


def test_a_sustained_run(model, capsys):
    assert main(["bench", str(model), *QUICK, "--no-compare", "--sustain", "0.5", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["sustained"]["seconds"] >= 0.5
    assert report["iterations"] >= 2
    assert (report["power"] is None) == (report["power_missing"] is not None)


def test_real_frames(model, shared_data, capsys):
    source = str(shared_data / "video" / "car-detection.mp4")
    assert main(["bench", str(model), *QUICK, "--source", source, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["source"] == source


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--device", "jetsn"], 2, "expected --device cpu, rtx, jetson or a device of the table"),
        (["--device", "nano", "--precision", "int8"], 2, "--precision fp32 or fp16"),
        (["--precision", "fp16"], 2, "--precision with a GPU only"),
        (["--keep"], 2, "--host with --keep"),
        (["--device", "nano", "--sustain", "9"], 2, "a nano here or at --host for --sustain"),
        (["--source", "nowhere.png"], 3, "nowhere.png"),
        (["--iterations", "0"], 2, "iterations"),
        (["--sustain", "-1"], 2, "sustain"),
        (["--sustain", "inf"], 2, "--sustain in seconds"),
    ],
)
def test_bad_requests_are_one_line_and_write_nothing(
    model, arguments, code, message, tmp_path, capsys
):
    assert main(["bench", str(model), *arguments]) == code
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not list(tmp_path.rglob("bench.json"))


def test_a_missing_model(capsys):
    assert main(["bench", "absent.onnx"]) == 4
    assert "absent.onnx" in capsys.readouterr().err
