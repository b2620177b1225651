"""`edgedet bench --device jetson` on a Jetson: an engine is built and measured, nothing estimated.

The board is fake: its files, its tegrastats with recorded lines, and a TensorRT that runs engines
through ONNX Runtime on a fake driver's memory.
"""

import json
import shutil
from functools import partial
from importlib.machinery import ModuleSpec

import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import tegrastats_lines
from engine_machine import ONNX, EngineMachine
from fake_cuda import fake_cuda
from fake_machine import jetson_nano, rtx_desktop
from fake_sensors import nano_sensors
from fake_tensorrt import RTX_VERSION

from edgedet.bench_run import BenchRequest, bench_report
from edgedet.runtime import bench
from edgedet.runtime.errors import UsageError
from edgedet.runtime.machine import Machine
from edgedet.runtime.power_watch import watch_power
from edgedet.runtime.speed_report import SpeedRequest
from edgedet.speed_comparison import compare_with_published
from edgedet.speed_table import speed_text

QUICK = SpeedRequest(iterations=3, warmup=1)


@pytest.fixture
def nano(tmp_path, monkeypatch):
    """Returns where its files are; this process sees its GPU and its TensorRT."""
    root = tmp_path / "nano"
    jetson_nano(root)
    sensors = nano_sensors(root)
    sensors.tegrastats(tegrastats_lines.NANO)
    monkeypatch.setattr(bench, "watch_power", partial(watch_power, root=str(root)))
    with fake_cuda(name="NVIDIA Tegra X1", compute_capability=(5, 3)) as gpu:
        machine = EngineMachine("8.2.1.8", gpu, tmp_path, monkeypatch)
        yield Machine(str(root))
        machine.require_clean()


def run(machine, **request):
    return bench_report(BenchRequest(ONNX, QUICK, **request), machine)


def test_it_measures_an_engine_with_power(nano):
    longer = QUICK._replace(sustain_s=1.0)  # the fake tegrastats has to start
    report = bench_report(BenchRequest(ONNX, longer, "jetson"), nano)
    assert report["kind"] == "measured"
    assert "estimates" not in report
    assert report["backend"] == "TensorRT 8.2.1.8"
    assert report["precision"] == "fp16"
    assert report["device"] == "NVIDIA Tegra X1 (compute capability 5.3)"
    assert report["model"] == str(ONNX)
    assert report["network_only"]["fps"] > 0
    assert report["power"] is not None
    assert json.loads(json.dumps(report)) == report
    text = speed_text(report, compare_with_published(report))
    assert "ESTIMATE" not in text
    assert "power POM_5V_IN W" in text


def test_it_answers_to_its_name(nano):
    assert run(nano, device="Jetson Nano 4GB", precision="fp32")["precision"] == "fp32"


@pytest.mark.parametrize("device", ["rtx", "Jetson TX2", "orin nano"])
def test_for_another_device_it_estimates(nano, device):
    report = run(nano, device=device)
    assert report["kind"] == "estimate"
    assert not {"network_only", "frame_to_result", "stages"} & set(report)


@pytest.mark.parametrize("device", [None, "jetson"])
def test_an_engine_is_measured_as_it_is(nano, tmp_path, device):
    engine = tmp_path / "model.engine"
    report = bench_report(BenchRequest(engine, QUICK, device), nano)
    assert (report["model"], report["precision"]) == (str(engine), "fp32")


def test_nothing_is_put_beside_the_model(nano, tmp_path):
    mine = tmp_path / "mine" / "model.onnx"
    mine.parent.mkdir()
    shutil.copy(ONNX, mine)
    bench_report(BenchRequest(mine, QUICK, "jetson"), nano)
    assert list(mine.parent.iterdir()) == [mine]


def test_threads_are_for_the_cpu(nano):
    with pytest.raises(UsageError, match="no threads"):
        bench_report(BenchRequest(ONNX, SpeedRequest(threads=2), "jetson"), nano)


def test_a_pc_builds_for_its_card(tmp_path, monkeypatch):
    root = tmp_path / "pc"
    rtx_desktop(root)
    with fake_cuda(name="NVIDIA GeForce RTX 3090", compute_capability=(8, 6)) as gpu:
        machine = EngineMachine("rtx-" + RTX_VERSION, gpu, tmp_path, monkeypatch)
        machine.trt.__spec__ = ModuleSpec("tensorrt_rtx", None)
        for device in ("rtx", "RTX 3090"):
            report = run(Machine(str(root)), device=device, precision="fp32")
            assert report["kind"] == "measured"
            assert report["backend"] == "TensorRT-RTX " + RTX_VERSION
            assert report["device"] == "compute capability 8.6"
        machine.require_clean()
