"""`edgedet info` on an engine and its sidecar."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgedet.cli import main
from edgedet.runtime.engine_file import EngineFacts, read_engine_facts, sidecar_path, write_engine
from edgedet.runtime.spec import ModelSpec, spec_to_json

PLAN = b"vtrt a plan"


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """An engine by a version that no machine has."""
    from edgedet.runtime.checksum import sha256_of_bytes

    images = {"name": "images", "dtype": "uint8", "shape": [1, 8, 8, 3]}
    facts = EngineFacts(
        key="0" * 64,
        plan_sha256=sha256_of_bytes(PLAN),
        plan_bytes=len(PLAN),
        onnx_sha256="1" * 64,
        onnx_file="model.fp16.onnx",
        flavour="tensorrt_rtx",
        version="0.9",
        gpu_name=None,
        compute_capabilities=("8.6", "8.9"),
        precision="fp16",
        precision_used="fp16",
        layers_fp16=60,
        layers_fp32=2,
        precision_source="network",
        inputs=[images],
        outputs=[{"name": "scores", "dtype": "float32", "shape": [1, 5]}],
        options={},
        workspace_mib=None,
        spec=json.loads(spec_to_json(ModelSpec(("cat",), (8, 8)))),
        build_seconds=1.25,
        clocks_mhz={"gpu": 921.6},
        power_mode="nvpmodel 0000",
    )
    write_engine(tmp_path / "model.engine", PLAN, facts)
    return tmp_path / "model.engine"


def test_in_lines(engine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(engine)]) == 0
    out = capsys.readouterr().out
    for words in (
        "TensorRT-RTX 0.9",
        "compute capability 8.6, 8.9",
        "fp16; 60 layers in FP16, 2 in FP32 (read from the network)",
        "model.fp16.onnx, sha256 1111",
        "images [1, 8, 8, 3] uint8",
        "1: cat",
        "not compared on a GPU yet",
        "gpu 922 MHz, power mode nvpmodel 0000",
    ):
        assert words in out
    line = next(line for line in out.splitlines() if line.startswith("this machine"))
    assert "expected" in line


def test_int8_names_its_calibration(engine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = read_engine_facts(engine)._replace(
        precision="int8",
        layers_int8=40,
        calibration_id="c" * 64,
        quantised={"without_range": ["sum"]},
        gate={
            "candidates": 200,
            "found_again": 182,
            "clear": 114,
            "clear_known": 100,
            "disordered": 0,
        },
    )
    write_engine(engine, PLAN, facts)
    assert main(["info", str(engine)]) == 0
    out = capsys.readouterr().out
    assert "int8; 60 layers in FP16, 2 in FP32, 40 in INT8 (read from the network)" in out
    assert f"sha256 {'c' * 64}; no range of sum" in out
    assert "182 of 200 candidates found again; its model has 100 of the 114" in out


def test_as_json(engine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(engine), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["kind"] == "engine"
    assert facts["sha256"] == facts["plan_sha256"]
    assert facts["compute_capabilities"] == ["8.6", "8.9"]
    assert facts["misfit"]


def test_a_spoilt_engine_is_one_line(engine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine.write_bytes(PLAN + b"x")
    assert main(["info", str(engine)]) == 4
    sidecar_path(engine).unlink()
    assert main(["info", str(engine)]) == 4
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "with SHA-256" in lines[0]
    assert "the sidecar of an engine" in lines[1]
