"""`edgedet export --trt` from the command line to its files."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from fake_tensorrt import fake_tensorrt
from small_checkpoint import write_checkpoint

from edgedet.cli import main
from edgedet.engine_plans import Wish, wish_of
from edgedet.runtime import engine_cache, engine_job
from edgedet.runtime.engine_file import read_engine_facts
from edgedet.runtime.gpu_identity import Gpu

HAS_RTX = True
try:
    import tensorrt_rtx  # noqa: F401
except ImportError:
    HAS_RTX = False
needs_rtx = pytest.mark.skipif(not HAS_RTX, reason="TensorRT-RTX is not installed: edgedet[rtx]")
GOLDEN = Path(__file__).parent.parent / "golden"
PLANS = ("rtx-sm75", "rtx-sm80-sm120")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "model.pt")


@pytest.fixture(autouse=True)
def _a_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, str(tmp_path / "cache"))


def export(*words: object) -> int:
    return main(["export", *map(str, words)])


@pytest.mark.slow
@needs_rtx
def test_engines_of_both_precisions_lie_beside_the_model(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(checkpoint, "--trt", "--device", "rtx", "--out", "new/model.onnx") == 0
    captured = capsys.readouterr()
    names = [f"model.{plan}.{p}.engine" for p in ("fp16", "fp32") for plan in PLANS]
    expected = {
        "model.onnx",
        "model.export.yaml",
        "model.fp16.onnx",
        *names,
        *(f"{name}.json" for name in names),
    }
    assert {path.name for path in Path("new").iterdir()} == expected
    rows = [line for line in captured.out.splitlines() if ".engine" in line]
    assert [row.split("|")[1].strip() for row in rows] == names[2:] + names[:2]
    assert "0 tensors would overflow" in captured.out
    assert "| box, px" in captured.out
    assert "built in" in captured.err
    facts = read_engine_facts(Path("new") / names[1])
    assert facts.compute_capabilities == ("8.0", "8.6", "8.9", "12.0")
    assert facts.onnx_file == "model.fp16.onnx"
    # The second time, from the exported file and in another process's place, nothing is built.
    assert export("new/model.onnx", "--trt", "--json") == 0
    captured = capsys.readouterr()
    printed = json.loads(captured.out)
    assert "built in" not in captured.err
    assert [Path(engine["file"]).name for engine in printed["engines"]] == names[2:] + names[:2]
    assert {engine["precision_used"] for engine in printed["engines"]} == {"fp32", "fp16"}
    assert printed["fp16"]["overflows"] == []
    assert printed["fp16"]["parity"]["images"] == 9


@pytest.mark.parametrize(
    ("device", "wanted"), [(None, "rtx"), ("RTX", "rtx"), ("Jetson", "jetson"), ("tx2", "tx2")]
)
def test_kinds_of_devices_are_known_however_they_are_written(
    device: str | None, wanted: str
) -> None:
    assert wish_of(True, device, None) == Wish(wanted)


@needs_rtx
def test_one_card_and_one_precision(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--trt", "--device", "RTX 3090", "--precision", "fp32", "--json"]
    assert export(checkpoint, *words, "--out", "m.onnx") == 0
    printed = json.loads(capsys.readouterr().out)
    (engine,) = printed["engines"]
    assert engine["file"] == "m.rtx-sm86.fp32.engine"
    assert engine["compute_capabilities"] == ["8.6"]
    assert printed["fp16"] is None
    assert printed["parity"]["passed"]
    assert not Path("m.fp16.onnx").exists()


def test_without_tensorrt_rtx_nothing_is_exported(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    assert export(checkpoint, "--trt") == 5
    captured = capsys.readouterr()
    assert len(captured.err.splitlines()) == 1
    assert "pip install 'edgedet[rtx]'" in captured.err
    assert not Path("runs").exists()


@pytest.mark.parametrize("device", ["jetson", "cuda", "Jetson Nano"])
def test_an_engine_for_a_board_is_built_on_it(
    device: str,
    checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert export(checkpoint, "--trt", "--device", device) == 5
    captured = capsys.readouterr()
    assert len(captured.err.splitlines()) == 1
    assert "run there: python3 model.pyz build" in captured.err


@pytest.mark.parametrize("version", ["8.2.1.8", "10.3.0"])
def test_on_a_board_its_own_tensorrt_builds(
    version: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With a TensorRT that is played, of a graph that it knows."""
    monkeypatch.setitem(sys.modules, "tensorrt", fake_tensorrt(version))
    monkeypatch.setattr(engine_job, "find_gpu", lambda: Gpu("Orin (nvgpu)", "8.7"))
    shutil.copy(GOLDEN / "tiny_convolution.onnx", "m.onnx")
    assert export("m.onnx", "--trt", "--device", "jetson", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    names = [f"m.trt{version}-sm87.{precision}.engine" for precision in ("fp32", "fp16")]
    assert [engine["file"] for engine in printed["engines"]] == names
    assert [engine["precision_used"] for engine in printed["engines"]] == ["fp32", "fp16"]
    assert {engine["gpu"] for engine in printed["engines"]} == {"Orin (nvgpu)"}
    assert printed["fp16"] is None


def test_without_the_gpu_nothing_is_exported(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", fake_tensorrt("10.3.0"))
    monkeypatch.setattr(engine_job, "find_gpu", lambda: None)
    assert export(checkpoint, "--trt", "--device", "cuda") == 5
    assert "an NVIDIA GPU with its driver" in capsys.readouterr().err
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--device", "rtx"], "--device without --trt"),
        (["--precision", "fp16", "--device", "rtx"], "--device and --precision without --trt"),
        (["--trt", "--precision", "int8"], "--int8 with --precision int8"),
        (["--trt", "--precision", "bf16"], "--precision fp32, fp16, or int8 with --int8"),
        (["--trt", "--device", "RTX 9999"], "a device of the table"),
        (["--trt", "--device", ""], "a device of the table, found ''"),
    ],
)
def test_a_mistake_is_one_line(
    words: list[str], message: str, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(checkpoint, *words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1


@needs_rtx
@pytest.mark.parametrize(
    ("name", "words", "code", "message"),
    [
        ("absent.onnx", [], 4, "an ONNX file"),
        ("text.onnx", [], 4, "an ONNX file"),
        ("text.onnx", ["--batch", "5"], 2, "flags that change text.onnx"),
    ],
)
def test_a_file_that_is_no_model(
    name: str,
    words: list[str],
    code: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("text.onnx").write_text("no model")
    assert export(name, "--trt", *words) == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1
