"""`edgedet info` on every kind of file it may be given."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import onnx
import pytest
from small_checkpoint import CLASSES, IMGSZ, write_checkpoint

from edgedet.cli import main
from edgedet.export.from_torch import onnx_from_torch
from edgedet.training.checkpoint import model_from_checkpoint


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path / "model.pt")


@pytest.fixture
def exported(checkpoint: Path) -> Path:
    path = checkpoint.with_suffix(".onnx")
    onnx_from_torch(model_from_checkpoint(checkpoint), path, provenance={"licence": "CC0"})
    return path


def facts_of(path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    assert main(["info", str(path), "--json"]) == 0
    facts: dict[str, object] = json.loads(capsys.readouterr().out)
    return facts


def test_an_onnx_file_in_lines(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(exported)]) == 0
    out = capsys.readouterr().out
    for words in (
        "opset 13, IR version 7",
        f"images [1, 3, {IMGSZ}, {IMGSZ}] float32",
        "labels [1, 1000] int64",
        "3: square, triangle, circle",
        "licence CC0",
        "torch 2.",
    ):
        assert words in out


def test_an_onnx_file_as_json(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = facts_of(exported, capsys)
    assert facts["kind"] == "onnx"
    assert (facts["opset"], facts["ir_version"]) == (13, 7)
    assert facts["spec"]["class_names"] == list(CLASSES)  # type: ignore[index]
    assert facts["outputs"][0]["shape"] == [1, 1000, 4]  # type: ignore[index]
    assert facts["bytes"] == exported.stat().st_size


def test_an_onnx_file_needs_no_onnx_package(
    exported: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The base install has none."""
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert facts_of(exported, capsys)["opset"] == 13


def test_a_checkpoint(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = facts_of(checkpoint, capsys)
    model = model_from_checkpoint(checkpoint)
    assert facts["kind"] == "checkpoint"
    assert facts["model"] == "multiscale_shapes"
    assert facts["parameters"] == sum(p.numel() for p in model.parameters())
    best = {"value": None, "epoch": 0, "evaluations_since": 0}
    assert facts["training"] == {"epoch": 3, "best": best}
    assert main(["info", str(checkpoint)]) == 0
    out = capsys.readouterr().out
    assert "multiscale_shapes, weights as trained" in out
    assert "value -, epoch 0, evaluations since 0" in out
    assert f"{IMGSZ}x{IMGSZ} by stretch" in out


def test_weights_are_counted_the_same_in_both_up_to_normalisation(
    checkpoint: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = facts_of(checkpoint, capsys)["parameters"]
    other = facts_of(exported, capsys)["parameters"]
    assert isinstance(one, int)
    assert isinstance(other, int)
    assert abs(one - other) < 0.01 * one


def test_an_onnx_file_of_another_tool_is_described(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = onnx.load(exported)
    del foreign.metadata_props[:]
    onnx.save(foreign, exported)
    assert facts_of(exported, capsys)["spec"] is None
    assert main(["info", str(exported)]) == 0
    assert "not exported by edgedet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.onnx", None),
        ("missing.pt", None),
        ("text.onnx", b"no model"),
        ("empty.onnx", b""),
        ("text.pt", b"no model"),
        ("model.engine", b"vtrt"),
    ],
)
def test_a_file_that_is_no_model_is_one_line(
    tmp_path: Path, name: str, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert main(["info", str(tmp_path / name)]) == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert name in captured.err
    assert len(captured.err.splitlines()) == 1


def test_a_spec_that_is_damaged_is_one_line(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = onnx.load(exported)
    damaged.metadata_props[0].value = "{}"
    onnx.save(damaged, exported)
    assert main(["info", str(exported)]) == 4
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_target_is_checked(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(exported), "--target", "nano-trt82"]) == 0
    assert "target nano-trt82, TensorRT 8.2 of JetPack 4.6 (Jetson Nano): fits" in (
        capsys.readouterr().out
    )


def test_a_foreign_file_that_does_not_fit_is_told_by_the_exit_code(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = onnx.load(exported)
    del foreign.metadata_props[:]
    foreign.producer_name = "pytorch"
    topk = next(node for node in foreign.graph.node if node.op_type == "TopK")
    topk.attribute.append(onnx.helper.make_attribute("largest", 0))
    for attribute in [a for a in topk.attribute if a.name == "largest"][:-1]:
        topk.attribute.remove(attribute)
    onnx.save(foreign, exported)
    assert main(["info", str(exported), "--target", "nano-trt82", "--json"]) == 4
    printed = json.loads(capsys.readouterr().out)
    (finding,) = [f for f in printed["target"]["findings"] if f["level"] == "silent_wrong"]
    assert finding["operator"] == "TopK"
    assert finding["why"].startswith("largest=0")
    assert main(["info", str(exported), "--target", "nano-trt82"]) == 4
    assert "does not fit; 1 silent wrong (it builds, and computes" in capsys.readouterr().out


def test_a_checkpoint_has_to_be_exported_for_a_target(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(checkpoint), "--target", "rtx"]) == 4
    assert "edgedet export" in capsys.readouterr().err
