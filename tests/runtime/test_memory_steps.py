"""What each step of a start leaves of the memory, in the report of a measurement and its text."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import edgedet.runtime
from edgedet.runtime.memory_steps import memory_line, memory_report, process_memory

STEPS = ["tensorrt", "cuda", "engine", "contexts", "buffers", "first run"]
STATUS = "Name:\tpython3\nVmPeak:\t  900 kB\nVmHWM:\t  500 kB\nVmRSS:\t  400 kB\nThreads:\t1\n"
MB = 10**6


def test_what_the_kernel_says_of_the_process(tmp_path):
    assert process_memory(str(tmp_path)) == {"rss_bytes": None, "peak_rss_bytes": None}
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "status").write_text(STATUS)
    assert process_memory(str(tmp_path)) == {"rss_bytes": 409600, "peak_rss_bytes": 512000}


def test_the_line():
    steps = [{"step": "tensorrt", "rss_bytes": MB, "gpu_free_bytes": None, "gpu_total_bytes": None}]
    steps += [
        {"step": step, "rss_bytes": MB, "gpu_free_bytes": free * MB, "gpu_total_bytes": 4059 * MB}
        for step, free in [("cuda", 3200), ("engine", 2990)]
    ]
    memory = {"rss_bytes": 400 * MB, "peak_rss_bytes": 500 * MB, "steps": steps}
    assert memory_line(memory) == (
        "memory: process 400 MB, at most 500 MB; "
        "of the GPU's 4059 MB free after cuda 3200, engine 2990"
    )
    nothing = {"rss_bytes": None, "peak_rss_bytes": None, "steps": []}
    assert memory_line(nothing) == "memory: not readable"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    pytest.importorskip("cv2")
    pytest.importorskip("onnxruntime")
    from engine_machine import EngineMachine
    from fake_cuda import fake_cuda

    with fake_cuda() as gpu:
        yield EngineMachine("8.2.1.8", gpu, tmp_path, monkeypatch)


def steps_of(machine):
    from edgedet.runtime import open_detector

    with open_detector(machine.engine) as detector:
        return detector.backend.memory_steps


def test_every_step_of_opening_an_engine(machine):
    steps = steps_of(machine)
    assert [step["step"] for step in steps] == STEPS
    free = [step["gpu_free_bytes"] for step in steps[1:]]
    assert free[0] > free[1] > free[2] > free[3]  # each takes some of the fake GPU's memory
    assert {step["gpu_total_bytes"] for step in steps[1:]} == {1 << 30}
    assert steps[0]["gpu_free_bytes"] is None
    if Path("/proc/self/status").exists():
        assert all(step["rss_bytes"] > MB for step in steps)
    machine.require_clean()


def test_a_gpu_that_does_not_tell_is_no_error(machine):
    machine.gpu.fail("cuMemGetInfo", 1, 999)
    steps = steps_of(machine)
    machine.gpu.fail(nth=0)
    assert [step["gpu_free_bytes"] is None for step in steps] == [True, True] + [False] * 4
    machine.require_clean()


def test_a_measurement_has_them(machine):
    from edgedet.runtime import open_detector
    from edgedet.runtime.speed_report import SpeedRequest, speed_report
    from edgedet.runtime.speed_text import speed_text

    about = {"model": "m", "device": "d"}
    request = SpeedRequest(iterations=1, warmup=0)
    report = speed_report(lambda: open_detector(machine.engine), about, request)
    assert [step["step"] for step in report["memory"]["steps"]] == STEPS
    assert json.loads(json.dumps(report)) == report
    (line,) = [row for row in speed_text(report).splitlines() if row.startswith("memory: ")]
    assert "free after cuda 10" in line


def test_onnx_runtime_has_no_gpu_and_no_steps():
    assert memory_report([])["steps"] == []


@pytest.mark.parametrize("given", [None, "EAGER"])
def test_cuda_loads_kernels_when_they_run(given):
    """Asked of a process of its own, where it stands before the driver is looked for."""
    package = Path(edgedet.runtime.__file__).parent.parent.parent
    program = (
        "import os, sys; sys.path[:0] = [sys.argv[1]]\n"
        "from edgedet.runtime import gpu_identity\n"
        "gpu_identity.ctypes.CDLL = lambda name: sys.exit(os.environ['CUDA_MODULE_LOADING'])\n"
        "gpu_identity.find_gpu()"
    )
    env = {name: value for name, value in os.environ.items() if name != "CUDA_MODULE_LOADING"}
    env.update({} if given is None else {"CUDA_MODULE_LOADING": given})
    command = [sys.executable, "-c", program, str(package)]
    ran = subprocess.run(command, env=env, stderr=subprocess.PIPE, universal_newlines=True)
    assert ran.stderr.strip() == (given or "LAZY")
