"""predict, eval and bench with a TensorRT engine, on a GPU and a TensorRT that are fakes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from engine_machine import ONNX, EngineMachine, pictures
from fake_cuda import FakeGpu, fake_cuda

from edgedet.cli import main
from edgedet.runtime.bench import KEPT_BUFFERS


@pytest.fixture
def gpu() -> Iterator[FakeGpu]:
    with fake_cuda() as driver:
        yield driver


@pytest.fixture(params=["8.2.1.8", "10.3.0", "rtx-1.7.1"])
def machine(
    request: pytest.FixtureRequest, gpu: FakeGpu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> EngineMachine:
    monkeypatch.chdir(tmp_path)
    return EngineMachine(request.param, gpu, tmp_path, monkeypatch)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for number, picture in enumerate(pictures()):
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    return folder


@pytest.fixture
def data(images: Path, tmp_path: Path) -> Path:
    """One object of each image, labelled."""
    (tmp_path / "annotations").mkdir()
    sizes = [picture.shape for picture in pictures()]
    content = {
        "images": [
            {"id": i + 1, "file_name": f"{i}.png", "height": h, "width": w}
            for i, (h, w, _) in enumerate(sizes)
        ],
        "categories": [{"id": 1, "name": "thing"}],
        "annotations": [
            {
                "id": i + 1,
                "image_id": i + 1,
                "category_id": 1,
                "bbox": [0.1 * w, 0.2 * h, 0.7 * w, 0.7 * h],
                "area": 0.49 * h * w,
                "iscrowd": 0,
            }
            for i, (h, w, _) in enumerate(sizes)
        ],
    }
    (tmp_path / "annotations" / "val.json").write_text(json.dumps(content))
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    assert main([*map(str, words), "--json"]) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return printed


def test_predict_finds_what_the_onnx_file_finds(
    machine: EngineMachine, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--source", images, "--conf", 0.0, "--iou", 1.0)
    engine = told(capsys, "predict", machine.engine, *flags)
    onnx = told(capsys, "predict", ONNX, *flags)
    assert engine["results"] == onnx["results"]
    assert all(result["detections"] for result in engine["results"])
    assert (engine["device"], onnx["device"]) == ("cuda", "cpu")
    machine.require_clean()


def test_eval_measures_what_the_onnx_file_gets(
    machine: EngineMachine, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = told(capsys, "eval", machine.engine, "--data", data)
    onnx = told(capsys, "eval", ONNX, "--data", data)
    assert engine["all"] == onnx["all"]
    assert engine["all"]["ap50"] > 0
    machine.require_clean()


def test_bench_times_the_network_alone_too(
    machine: EngineMachine, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = told(
        capsys, "bench", machine.engine, "--source", images, "--iterations", 3, "--warmup", 1
    )
    assert report["network_only"]["how"] == KEPT_BUFFERS
    assert report["backend"] == machine.flavour.title
    assert "compute capability 8.6" in report["device"]
    machine.require_clean()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--device", "cpu"], 2, "--device auto or cuda"),
        (["--conf", "2"], 2, "conf in 0..1"),
    ],
)
def test_what_an_engine_cannot_do(
    words: list[str],
    code: int,
    message: str,
    machine: EngineMachine,
    images: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["predict", str(machine.engine), "--source", str(images), *words]) == code
    assert message in capsys.readouterr().err
    machine.require_clean()


def test_threads_are_of_the_cpu(
    machine: EngineMachine, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bench", str(machine.engine), "--source", str(images), "--threads", "2"]
    assert main(words) == 2
    assert "no threads: an engine runs on the GPU" in capsys.readouterr().err


def test_an_engine_of_another_gpu_names_both(
    machine: EngineMachine, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.gpu.device("NVIDIA Tegra X1", (5, 3), integrated=True)
    assert main(["predict", str(machine.engine), "--source", str(images)]) == 5
    said = capsys.readouterr().err
    assert "8.6" in said
    assert "NVIDIA Tegra X1 (compute capability 5.3)" in said
    assert "python3 -m edgedet.runtime.build_engine" in said
