"""benchmarks/gpu.py without a GPU: ONNX Runtime on the CPU stands in for every engine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.errors import DeviceError, ModelError
from edgedet.runtime.gpu_identity import Gpu, find_gpu
from edgedet.runtime.synthetic_frames import synthetic_frames

pytest.importorskip("torch")
SIDE = 64


@pytest.fixture
def gpu(repo: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(repo / "benchmarks"))
    import gpu

    return gpu


@pytest.fixture
def contenders(gpu: ModuleType) -> ModuleType:
    import gpu_contenders

    return gpu_contenders


@pytest.fixture
def files(contenders: ModuleType, tmp_path: Path) -> Any:
    return contenders.exported("scale_aware_ssd", SIDE, tmp_path)


def on_cpu(contenders: ModuleType, name: str, path: Path) -> Any:
    return contenders.Opened(name, OnnxRuntimeBackend(path, threads=1))


def test_a_row_of_each_precision_measure_and_backend(
    gpu: ModuleType, contenders: ModuleType, files: Any
) -> None:
    names = (contenders.PEER, "TensorRT 0.0", "TensorRT-RTX 0.0")
    opened = {
        precision: [on_cpu(contenders, name, files.of(precision)) for name in names]
        for precision in ("fp32", "fp16")
    }
    for backends in opened.values():
        for one in backends:
            contenders.require_agreeing(one, files)
    frame = synthetic_frames(1, (90, 160))[0]
    plan = gpu.Plan(rounds=2, warmup=0, power_seconds=0.05)
    rows = list(gpu.rows_of("model", opened, plan, frame))
    assert len(rows) == 2 * len(contenders.MEASURES) * len(names)
    assert all(set(row["ratio_to"]) == {contenders.PEER} for row in rows)
    peers = [row for row in rows if row["name"].endswith(contenders.PEER)]
    assert [row["ratio_to"][contenders.PEER] for row in peers] == [1.0] * 8
    sensed = [row for row in rows if row["power"] is not None]
    assert len(sensed) == 6
    assert all(contenders.CALL in row["name"] for row in sensed)
    assert all({"power", "power_missing"} <= set(row["power"]) for row in sensed)
    assert json.loads(json.dumps(rows)) == rows


def test_energy_is_told_where_a_sensor_told_it(gpu: ModuleType) -> None:
    rows: list[dict[str, Any]] = [
        {"name": "a", "power": {"power": {"energy_per_frame_j": 0.25}, "power_missing": None}},
        {"name": "b", "power": {"power": None, "power_missing": "no sensor"}},
        {"name": "c", "power": None},
    ]
    assert [(found.name, found.value) for found in gpu.energy(rows)] == [
        ("a, energy of a frame", 0.25)
    ]


def test_no_speed_of_a_backend_that_says_something_else(
    contenders: ModuleType, files: Any, tmp_path: Path
) -> None:
    other = contenders.exported("ssd_mobilenetv2", SIDE, tmp_path)
    with pytest.raises(ModelError):
        contenders.require_agreeing(on_cpu(contenders, "other", other.fp32), files)


def test_a_tensorrt_that_is_not_here_is_told(gpu: ModuleType) -> None:
    here, absent = gpu.flavours_here(Gpu("a card", "1.0"))
    assert all(not flavour.can.compute_targets for flavour in here)  # RTX knows no such card
    assert "tensorrt_rtx" in absent


def test_the_peer_is_required(gpu: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu.onnxruntime, "get_available_providers", lambda: ["CPU"])
    with pytest.raises(DeviceError, match="onnxruntime-gpu"):
        gpu.require_peer()


@pytest.mark.slow
@pytest.mark.skipif(find_gpu() is not None, reason="there is a GPU here")
def test_without_a_gpu_it_says_so_and_writes_nothing(repo: Path, tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    command = [sys.executable, str(repo / "benchmarks" / "gpu.py"), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 5
    assert "an NVIDIA GPU" in done.stderr
    assert not out.exists()
