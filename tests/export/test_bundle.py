"""Making bundles, from the command line and from the library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from small_checkpoint import write_checkpoint

import edgedet
from edgedet.cli import main
from edgedet.export.bundle import SHEBANG, write_bundle
from edgedet.runtime import Detections, ModelError, UsageError, open_detector
from edgedet.runtime.bundle_file import FP16, FP32, INT8, open_bundle
from edgedet.runtime.engine_cache import FOLDER_VARIABLE
from edgedet.runtime.sources import open_source
from edgedet.runtime.synthetic_frames import synthetic_frames

GOLDEN = Path(__file__).parent.parent / "golden"
ONNX = GOLDEN / "tiny_detector.onnx"
LIMIT_BYTES = 300_000
"""Of what is not the model."""
PYTHON36 = "EDGEDET_PYTHON36"
"""Names a Python 3.6 with numpy, OpenCV and ONNX Runtime and nothing else."""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "model.pt")


@pytest.fixture(autouse=True)
def _a_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))


def export(*words: object) -> int:
    return main(["export", *map(str, words)])


def names_in(bundle: Path) -> set[str]:
    with zipfile.ZipFile(bundle) as archive:
        return set(archive.namelist())


def test_equal_models_give_equal_bundles() -> None:
    first = write_bundle(Path("a.pyz"), ONNX, target="nano-trt82")
    assert write_bundle(Path("b.pyz"), ONNX, target="nano-trt82") == first
    assert Path("a.pyz").read_bytes() == Path("b.pyz").read_bytes()
    with zipfile.ZipFile("a.pyz") as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}


def test_it_holds_the_runtime_the_model_and_nothing_else(repo: Path) -> None:
    size = write_bundle(Path("model.pyz"), ONNX)
    files = (f for f in (repo / "runtime").rglob("*") if f.is_file() and f.suffix != ".pyc")
    runtime = {f"edgedet/{f.relative_to(repo).as_posix()}" for f in files}
    adapters = {name for name in runtime if "/adapters/" in name}
    runtime -= adapters  # for models that others trained, but for two files
    runtime |= {f"edgedet/runtime/adapters/{n}.py" for n in ("__init__", "spec_place")}
    others = {"edgedet/__init__.py", "__main__.py", "bundle.json", "model.onnx"}
    assert names_in(Path("model.pyz")) == runtime | others
    assert size.bytes == Path("model.pyz").stat().st_size
    assert size.runtime_bytes == size.bytes - ONNX.stat().st_size
    assert size.runtime_bytes < LIMIT_BYTES


def test_it_can_be_started_by_its_name() -> None:
    write_bundle(Path("model.pyz"), ONNX)
    assert Path("model.pyz").read_bytes().startswith(SHEBANG)
    assert os.access("model.pyz", os.X_OK)


def test_what_it_says_of_itself() -> None:
    write_bundle(Path("model.pyz"), ONNX, half=ONNX, target="rtx")
    bundle = open_bundle(Path("model.pyz"))
    assert (bundle.edgedet, bundle.target) == (edgedet.__version__, "rtx")
    assert set(bundle.models) == {FP32, FP16}
    assert bundle.spec.class_names == ("other", "blue")
    assert bundle.model_file(FP16).name == "model.fp16.onnx"
    assert bundle.model_file().read_bytes() == ONNX.read_bytes()


def test_int8_travels_as_scales_and_as_a_graph() -> None:
    model, graph = GOLDEN / "tiny_int8.onnx", GOLDEN / "tiny_int8.qdq.onnx"
    scales = GOLDEN / "tiny_int8.scales.json"
    size = write_bundle(Path("model.pyz"), model, scales=scales, quantised=graph)
    assert size.runtime_bytes < LIMIT_BYTES
    assert {"model.onnx", "model.int8.onnx", "scales.json"} < names_in(Path("model.pyz"))
    bundle = open_bundle(Path("model.pyz"))
    assert bundle.scales_file().read_bytes() == scales.read_bytes()
    assert bundle.model_file(INT8).read_bytes() == graph.read_bytes()
    plain = write_bundle(Path("plain.pyz"), model)
    assert plain.runtime_files == size.runtime_files


def test_scales_of_another_model_are_no_part_of_a_bundle() -> None:
    with pytest.raises(UsageError, match="those of another model"):
        write_bundle(Path("model.pyz"), ONNX, scales=GOLDEN / "tiny_int8.scales.json")
    assert not Path("model.pyz").exists()


def test_a_foreign_model_is_refused_and_what_was_there_stays() -> None:
    foreign = onnx.load(str(ONNX))
    del foreign.metadata_props[:]
    onnx.save(foreign, "foreign.onnx")
    Path("model.pyz").write_text("mine")
    with pytest.raises(ModelError, match="give a model that `edgedet export` wrote"):
        write_bundle(Path("model.pyz"), Path("foreign.onnx"))
    assert Path("model.pyz").read_text() == "mine"


def test_a_model_in_several_files_is_refused() -> None:
    large = onnx.load(str(ONNX))
    onnx.save(large, "large.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    with pytest.raises(ModelError, match=r"some of large\.onnx in w\.bin"):
        write_bundle(Path("model.pyz"), Path("large.onnx"))


def test_another_ending_is_a_usage_error_before_anything_is_exported(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match=r"ends with \.pyz"):
        write_bundle(Path("model.zip"), ONNX)
    assert export(checkpoint, "--bundle", "model.zip") == 2
    assert list(Path().iterdir()) == []


def test_a_checkpoint_becomes_a_bundle_for_the_nano(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--bundle", "model.pyz", "--target", "nano-trt82", "--out", "new/model.onnx"]
    assert export(checkpoint, *words) == 0
    out = capsys.readouterr().out
    assert "parity with PyTorch" in out
    assert "python3 model.pyz doctor|build|bench|predict|camera" in out
    bundle = open_bundle(Path("model.pyz"))
    assert (bundle.spec.input_dtype, bundle.target) == ("float32", "nano-trt82")
    assert bundle.model_file().read_bytes() == Path("new/model.onnx").read_bytes()


def test_an_exported_model_is_bundled_as_it_is(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(ONNX, "--bundle", "model.pyz", "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert values["bundle"]["bytes"] == Path("model.pyz").stat().st_size
    assert (values["bundle"]["target"], values["file"]) == (None, str(ONNX))
    assert {path.name for path in Path().iterdir()} == {"model.pyz"}


def test_an_exported_model_has_to_fit_the_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert export(ONNX, "--bundle", "model.pyz", "--target", "nano-trt82") == 4
    assert "uint8" in capsys.readouterr().err.lower()
    assert not Path("model.pyz").exists()


@pytest.mark.slow
def test_a_target_that_takes_the_precision_from_the_graph_gets_both(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(checkpoint, "--bundle", "model.pyz", "--target", "rtx", "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert values["target"]["fits"]
    assert {"model.onnx", "model.fp16.onnx"} <= names_in(Path("model.pyz"))
    assert values["bundle"]["runtime_bytes"] < LIMIT_BYTES


def test_engines_and_a_bundle_at_once_are_refused(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(checkpoint, "--bundle", "model.pyz", "--trt") == 2
    assert "python3 model.pyz build" in capsys.readouterr().err


def test_it_runs_where_neither_onnx_nor_torch_nor_edgedet_is(tmp_path: Path) -> None:
    write_bundle(Path("model.pyz"), ONNX)
    blocked = "import sys\nfor name in ('onnx', 'torch', 'typer', 'rich'): sys.modules[name] = None"
    (tmp_path / "sitecustomize.py").write_text(blocked)
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "model.pyz", "bench", "--iterations", "2", "--json"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["backend"] == "ONNX Runtime"


def test_a_real_python_3_6_finds_what_the_host_finds(checkpoint: Path) -> None:
    python = os.environ.get(PYTHON36)
    if not python:
        pytest.skip(f"NO PYTHON 3.6 WITH NUMPY, OPENCV AND ONNX RUNTIME: name it in {PYTHON36}")
    assert export(checkpoint, "--bundle", "model.pyz", "--target", "nano-trt82") == 0
    Path("images").mkdir()
    for number, frame in enumerate(synthetic_frames(20, (480, 640))):
        cv2.imwrite(f"images/{number:02}.jpg", frame)
    words = ["predict", "--source", "images", "--conf", "0", "--json"]
    done = subprocess.run([python, "model.pyz", *words], capture_output=True, text=True, check=True)
    there = json.loads(done.stdout)["results"]
    assert len(there) == 20
    with open_detector(open_bundle(Path("model.pyz")).model_file(), conf=0.0) as detector:
        for seen, answer in zip(open_source("images"), there, strict=True):
            found = detector(seen.image_bgr)
            assert len(answer["detections"]) == len(found)
            # Printed are thousandths of a pixel.
            assert farthest_px(answer["detections"], found) < 1.5e-3


def farthest_px(rows: list[dict[str, Any]], found: Detections) -> float:
    """Of a box from the one of the other list that has its score; equal scores have no order."""
    if not rows:
        return 0.0
    scores = np.array([row["score"] for row in rows])
    boxes_xyxy = np.array([row["box_xyxy"] for row in rows])
    apart = abs(boxes_xyxy[:, None] - found.boxes_xyxy).max(axis=2)
    apart[abs(scores[:, None] - found.scores) > 1e-4] = np.inf
    return float(max(apart.min(axis=0).max(), apart.min(axis=1).max()))
