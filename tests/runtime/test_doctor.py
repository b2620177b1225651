"""The doctor on machines of recorded answers: what is fine, what is wrong, and what to do."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from fake_machine import NANO_LIBRARIES, FakeMachine, jetson_nano, rtx_desktop

from edgedet.runtime import machine
from edgedet.runtime.diagnosis import STATUSES
from edgedet.runtime.doctor import doctor_json, doctor_text, examine
from edgedet.runtime.machine import Machine
from edgedet.runtime.python_modules import ABSENT, BROKEN, CRASHED, probe


@pytest.fixture
def nano(tmp_path):
    return jetson_nano(tmp_path)


@pytest.fixture
def desktop(tmp_path):
    return rtx_desktop(tmp_path)


def diagnosed(fake, **environ):
    """Line by name."""
    return {line.name: line for line in examine(str(fake.root), environ or None)}


def test_a_nano_as_it_comes(nano):
    lines = diagnosed(nano)
    assert lines["System"].found.startswith("Ubuntu 18.04.6 LTS")
    assert lines["Python"].found == "3.6.9 (/usr/bin/python3)"
    assert lines["GPU"].status == "ok"
    for words in ("Jetson Nano", "5.3", "3.9 GB shared", "L4T 32.7.1", "JetPack 4.6", "fp32, fp16"):
        assert words in lines["GPU"].found
    assert lines["GPU"].details["device"] == "Jetson Nano 4GB"
    assert "GStreamer YES (1.14.5)" in lines["OpenCV"].found
    library = "8.2.1 at /{}/libnvinfer.so.8.2.1 (ldconfig, loaded)".format(NANO_LIBRARIES)
    assert lines["TensorRT"].found == library
    cuda = "/usr/local/cuda-10.2/targets/aarch64-linux/lib/libcudart.so.10.2.300"
    assert lines["CUDA runtime"].found == "10.2.300 at {} (ldconfig, would be loaded)".format(cuda)
    assert lines["TensorRT for Python"].status == "ok"
    assert lines["CUDA for Python"].found == "pycuda 2022.1"
    assert lines["Power mode"].found == "0 (MAXN)"
    assert "TensorRT-RTX" not in lines
    assert lines["ONNX Runtime"].status == "missing"
    troubled = {name for name, line in lines.items() if line.status == "warning"}
    assert troubled == {"Swap", "Clocks"}
    assert "fallocate" in lines["Swap"].fix
    assert lines["Clocks"].found == "GPU varies from 77 to 922 MHz"
    assert "jetson_clocks" in lines["Clocks"].fix


def test_a_nano_that_is_ready_to_measure(nano):
    nano.file("sys/class/devfreq/57000000.gpu/min_freq", "921600000\n")
    swap = "Filename Type Size Used Priority\n/swapfile file 4194300 0 -2\n"
    nano.file("proc/swaps", swap)
    lines = diagnosed(nano)
    assert lines["Clocks"].found == "GPU held at 922 MHz"
    assert {line.status for line in lines.values()} == {"ok", "missing"}


def test_the_slow_power_mode_is_told(nano):
    nano.file("var/lib/nvpmodel/status", "pmode:0001 fmode:fanNull\n")
    line = diagnosed(nano)["Power mode"]
    assert (line.status, line.found) == ("warning", "1 (5W)")
    assert "sudo nvpmodel -m 0 (MAXN)" in line.fix


def test_super_is_faster_than_maxn(nano):
    modes = "< POWER_MODEL ID=0 NAME=15W >\n< POWER_MODEL ID=1 NAME=MAXN >\n"
    nano.file("etc/nvpmodel.conf", modes + "< POWER_MODEL ID=2 NAME=MAXN_SUPER >\n")
    nano.file("var/lib/nvpmodel/status", "pmode:0001\n")
    assert "-m 2 (MAXN_SUPER)" in diagnosed(nano)["Power mode"].fix


def test_unknown_power_and_clocks_are_warnings(nano):
    (nano.root / "var/lib/nvpmodel/status").unlink()
    (nano.root / "sys/class/devfreq/57000000.gpu/min_freq").unlink()
    lines = diagnosed(nano)
    assert lines["Power mode"].status == lines["Clocks"].status == "warning"


@pytest.mark.parametrize("how", ["crash", "version"])
def test_numpy_that_a_cortex_a57_cannot_run(nano, how):
    if how == "crash":
        (nano.root / "answers/numpy.json").unlink()
        nano.crashes("numpy", "ILL")
    else:
        nano.module("numpy", "1.19.5")
    line = diagnosed(nano)["numpy"]
    assert line.status == "warning"
    assert "OPENBLAS_CORETYPE=ARMV8" in line.fix
    if how == "crash":
        assert "SIGILL" in line.found
    else:
        assert diagnosed(nano, OPENBLAS_CORETYPE="ARMV8")["numpy"].status == "ok"


def test_opencv_of_pip_on_a_board_has_no_gstreamer(nano):
    nano.module("cv2", "4.5.5", build="    GStreamer:                   NO\n")
    line = diagnosed(nano)["OpenCV"]
    assert (line.status, line.details["gstreamer"]) == ("warning", False)
    assert "CSI" in line.fix


def test_bindings_of_another_version_than_the_library(nano):
    nano.module("tensorrt", "8.0.1.6", libraries=[])
    line = diagnosed(nano)["TensorRT for Python"]
    assert line.status == "warning"
    assert "8.2.1" in line.fix


def test_two_tensorrt_and_which_one_is_loaded(nano):
    nano.library("opt/mine/lib", "libnvinfer.so", "8.5.2")
    nano.module("tensorrt", "8.2.1.8", libraries=[])
    lines = diagnosed(nano, LD_LIBRARY_PATH="/opt/mine/lib")
    first, second = lines["TensorRT"].found.splitlines()
    assert first.endswith("libnvinfer.so.8.5.2 (LD_LIBRARY_PATH, would be loaded)")
    assert second.endswith("libnvinfer.so.8.2.1 (ldconfig)")
    assert "keep one" in lines["TensorRT"].fix
    assert "8.5.2" in lines["TensorRT for Python"].fix
    assert lines["TensorRT"].details["loaded_version"] == "8.5.2"


def test_a_library_that_the_loader_does_not_see(nano):
    nano.says("sbin/ldconfig", "0 libs found\n")
    line = diagnosed(nano)["CUDA runtime"]
    assert line.status == "warning"
    assert "export LD_LIBRARY_PATH=/usr/local/cuda-10.2/targets/aarch64-linux/lib" in line.fix


def test_a_board_with_the_wrong_python_has_no_bindings(nano):
    (nano.root / "answers/tensorrt.json").unlink()
    line = diagnosed(nano)["TensorRT for Python"]
    assert line.status == "missing"
    assert "3.6 on JetPack 4" in line.fix


def test_memory_that_is_used_up(nano):
    text = "MemTotal: 4059216 kB\nMemAvailable: 400000 kB\nSwapTotal: 0 kB\n"
    nano.file("proc/meminfo", text)
    line = diagnosed(nano)["Memory"]
    assert (line.status, line.found) == ("warning", "3.9 GB, 0.4 GB available")


def test_a_full_disk(nano, monkeypatch):
    monkeypatch.setattr(Machine, "free_bytes", lambda self, path: 10 * 1000 * 1000)
    assert diagnosed(nano)["Disk"].status == "warning"


def test_a_desktop(desktop):
    lines = diagnosed(desktop)
    assert {line.status for line in lines.values()} == {"ok", "missing"}
    gpu = lines["GPU"].found
    for words in ("RTX 3090", "8.6", "24576 MiB", "driver 550.54.15", "int8"):
        assert words in gpu
    assert "10.3.0" in lines["TensorRT"].found
    assert "(Python package, loaded)" in lines["TensorRT"].found
    assert lines["TensorRT-RTX"].status == "missing"
    assert "pip install tensorrt-rtx" in lines["TensorRT-RTX for Python"].fix
    assert "CUDAExecutionProvider" in lines["ONNX Runtime"].found
    assert lines["CUDA for Python"].found == "cuda 12.6.0"
    assert lines["Power mode"].found == "balanced"
    assert lines["OpenCV"].status == "ok"  # no CSI camera there
    assert lines["Swap"].status == "ok"


def test_a_card_that_is_newer_than_tensorrt(desktop):
    row = "NVIDIA GeForce RTX 5090, 570.00, 32607 MiB, 12.0\n"
    desktop.says("usr/bin/nvidia-smi", row)
    line = diagnosed(desktop)["TensorRT for Python"]
    assert line.status == "warning"
    assert "needs TensorRT 10.8 or newer" in line.fix


def test_a_driver_that_does_not_know_compute_cap(desktop):
    answer = "NVIDIA GeForce RTX 3090, 470.1, 24268 MiB"
    old = 'case "$1" in *compute_cap*) echo "Field is not valid"; exit 2;; esac\necho "{}"\n'
    desktop.program("usr/bin/nvidia-smi", "#!/bin/sh\n" + old.format(answer))
    assert "compute capability 8.6" in diagnosed(desktop)["GPU"].found


def test_a_card_that_the_table_lacks(desktop):
    desktop.says("usr/bin/nvidia-smi", "NVIDIA H200, 570.00, 143771 MiB, 9.0\n")
    line = diagnosed(desktop)["GPU"]
    assert (line.status, line.details["device"]) == ("ok", None)
    desktop.says("usr/bin/nvidia-smi", "NVIDIA Thing, 570.00, 143771 MiB\n")
    assert diagnosed(desktop)["GPU"].status == "warning"


def test_a_driver_that_fails(desktop):
    words = "Failed to initialize NVML: Driver/library version mismatch\n"
    desktop.says("usr/bin/nvidia-smi", words, code=18)
    line = diagnosed(desktop)["GPU"]
    assert line.status == "warning"
    assert "version mismatch" in line.found


def test_a_module_that_is_there_and_broken(desktop):
    (desktop.root / "answers/cv2.json").unlink()
    error = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"
    desktop.broken("cv2", "Traceback (most recent call last):\n  ...\n" + error + "\n")
    line = diagnosed(desktop)["OpenCV"]
    assert line.status == "warning"
    assert "libGL.so.1" in line.found


def test_a_bare_machine(tmp_path):
    lines = {line.name: line for line in examine(str(tmp_path))}
    assert lines["Python"].status == "missing"
    assert lines["GPU"].status == "missing"
    assert "Memory" not in lines
    assert lines["CUDA for Python"].found == "ctypes, which needs the CUDA driver alone"
    assert doctor_text(list(lines.values()))


def test_an_import_that_hangs_is_broken(tmp_path, monkeypatch):
    fake = FakeMachine(tmp_path)
    fake.program("usr/bin/python3", "#!/bin/sh\nexec sleep 30\n")
    monkeypatch.setattr(machine, "IMPORT_TIMEOUT_S", 0.2)
    assert probe(Machine(str(tmp_path)), "cv2").state == BROKEN


def test_links_stay_beneath_the_root(tmp_path):
    fake = FakeMachine(tmp_path)
    fake.file("usr/lib/real.so.1.2")
    fake.link("usr/lib/absolute", "/usr/lib/real.so.1.2")
    fake.link("opt/folder", "../usr/lib")
    fake.link("usr/lib/circle", "circle")
    looked = Machine(str(tmp_path))
    assert looked.real("/usr/lib/absolute") == "/usr/lib/real.so.1.2"
    assert looked.real("/opt/folder/absolute") == "/usr/lib/real.so.1.2"
    assert looked.exists("/opt/folder/absolute")
    assert not looked.exists("/usr/lib/circle")


def test_the_report(nano):
    lines = examine(str(nano.root))
    text = doctor_text(lines)
    assert "warning  Swap" in text
    assert "-> add swap on disk" in text
    told = json.loads(doctor_json(lines))
    assert sum(told["counts"].values()) == len(told["lines"]) == len(lines)
    assert set(told["counts"]) == set(STATUSES)
    copies = next(line for line in told["lines"] if line["name"] == "TensorRT")["details"]["copies"]
    assert copies[0]["version"] == "8.2.1"
    assert all(line["fix"] for line in told["lines"] if line["status"] != "ok")


def test_here():
    """For real, and without importing any of it."""
    before = set(sys.modules)
    lines = {line.name: line for line in examine()}
    assert lines["Python"].details["version"] == sys.version.split()[0]
    import numpy

    assert lines["numpy"].details["version"] == numpy.__version__
    assert lines["Disk"].status in STATUSES
    assert not {"tensorrt", "pycuda", "cuda"} & (set(sys.modules) - before)
    assert os.sep in lines["Disk"].found


def test_a_real_crash_is_told_from_an_error(tmp_path, monkeypatch):
    """In a process of its own: this one survives."""
    (tmp_path / "crasher.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    environ = dict(os.environ, PYTHONPATH=str(tmp_path))
    module = probe(Machine("/", environ), "crasher")
    assert (module.state, module.reason) == (CRASHED, "SIGILL")


def test_a_folder_is_no_module(tmp_path):
    """What pip left of one."""
    (tmp_path / "only_a_folder" / "__pycache__").mkdir(parents=True)
    module = probe(Machine("/", dict(os.environ, PYTHONPATH=str(tmp_path))), "only_a_folder")
    assert (module.state, module.told) == (ABSENT, {})


@pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc to make a library with")
def test_libraries_in_any_folder_and_any_locale(tmp_path):
    """Python 3.6 reads text as ASCII in a C locale, which is that of a bare container."""
    folder = tmp_path / "josé's folder"
    folder.mkdir()
    (tmp_path / "empty.c").write_text("")
    library = folder / "libempty.so.1"
    command = ["gcc", "-shared", "-o", str(library), str(tmp_path / "empty.c")]
    subprocess.run(command, check=True)
    (folder / "bound.py").write_text(
        "import ctypes, os\nctypes.CDLL(os.path.join(os.path.dirname(__file__), 'libempty.so.1'))\n"
    )
    environ = dict(os.environ, PYTHONPATH=str(folder), LC_ALL="C")
    module = probe(Machine("/", environ), "bound")
    loaded = [os.fsencode(path) for path in module.told["libraries"]]
    assert os.fsencode(str(library)) in loaded


def test_folders_with_brackets_and_blanks_are_searched(nano):
    nano.file("opt/[old] libs/libnvinfer.so.8.0.1")
    nano.file("opt/new libs/libcudnn.so.8.6.0")
    nano.says(
        "sbin/ldconfig", "\tlibcudnn.so.8 (libc6,AArch64) => /opt/new libs/libcudnn.so.8.6.0\n"
    )
    lines = diagnosed(nano, LD_LIBRARY_PATH="/opt/[old] libs")
    assert "8.0.1 at /opt/[old] libs/libnvinfer.so.8.0.1" in lines["TensorRT"].found
    assert "8.6.0 at /opt/new libs/libcudnn.so.8.6.0 (ldconfig" in lines["cuDNN"].found


def test_in_a_folder_that_is_gone(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    line = {line.name: line for line in examine()}["Disk"]
    assert "GB free at ." in line.found
