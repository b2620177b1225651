"""`edgedet bench --host`: the bundle goes to a real ssh server, runs there, and reports back."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest
from engine_machine import ONNX
from fake_cuda import compile_fake, require_gcc
from small_checkpoint import write_checkpoint
from sshd_loopback import Sshd, require_sshd

from edgedet import remote_bench
from edgedet.cli import main

pytest.importorskip("onnxruntime")

PYTHON36 = "EDGEDET_PYTHON36"
QUICK = ["--iterations", "2", "--warmup", "1", "--no-compare"]
RTX = "NVIDIA GeForce RTX 3090, 550.54, 24576 MiB, 8.6"
TENSORRT = """\
import sys
sys.path.insert(0, {tests!r})
from fake_cuda import FakeGpu
from fake_tensorrt import Faults, fake_tensorrt
gpu = FakeGpu("libcuda.so.1")
gpu.device("NVIDIA GeForce RTX 3090", (8, 6), False)
module = fake_tensorrt("10.3.0", Faults(), gpu)
module.__spec__, module.__file__ = __spec__, __file__
sys.modules["tensorrt"] = module
"""


class Board(Sshd):
    """This machine with programs of its own: of Python at first this one."""

    def __init__(self, folder):
        self.programs = folder / "programs"
        self.programs.mkdir()
        super().__init__(folder, {"PATH": f"{self.programs}:/usr/bin:/bin"})
        self.python(f'exec {sys.executable} "$@"')

    def python(self, script):
        self.program("python3", script)

    def program(self, name, script):
        file = self.programs / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def has_card(self):
        """Give it an RTX 3090 and TensorRT 10.3, both fake: they run what they are given."""
        require_gcc()
        packages = self.folder / "packages"
        packages.mkdir()
        tests = Path(__file__).parent / "runtime"
        (packages / "tensorrt.py").write_text(TENSORRT.format(tests=str(tests)))
        self.program("nvidia-smi", f"echo '{RTX}'")
        self.environ.update(
            PYTHONPATH=packages,
            LD_LIBRARY_PATH=compile_fake(packages).parent,
            EDGEDET_CUDA="ctypes",
        )
        self.write_board()


@pytest.fixture
def board(tmp_path, monkeypatch):
    require_sshd()
    server = Board(tmp_path)
    server.start()
    monkeypatch.setenv("PATH", server.path)
    monkeypatch.chdir(tmp_path)
    yield server
    server.stop()


def bench(capsys, *words):
    """Exit code, JSON on stdout, text on stderr."""
    code = main(["bench", str(ONNX), "--host", "board", *QUICK, "--json", *words])
    captured = capsys.readouterr()
    return code, json.loads(captured.out), captured.err


def test_the_cpu_there_is_measured_and_nothing_stays(board, capsys):
    code, report, _ = bench(capsys, "--device", "cpu")
    assert code == 0
    assert (report["kind"], report["host"]) == ("measured", "board")
    assert (report["device"], report["backend"]) == ("cpu", "ONNX Runtime")
    assert report["model"] == str(ONNX)
    assert report["iterations"] == 2
    assert report["network_only"]["fps"] > 0
    assert board.folders() == []


def test_python_3_6_as_on_a_nano(board, capsys):
    python = os.environ.get(PYTHON36)
    if python is None:
        pytest.skip(f"NO PYTHON 3.6 WITH NUMPY, OPENCV AND ONNX RUNTIME: name it in {PYTHON36}")
    board.python(f'exec {python} "$@"')
    code, report, error = bench(capsys)
    assert code == 0, error
    assert report["environment"]["python"].startswith("3.6.")
    assert report["device"] == "cpu"
    assert board.folders() == []


@pytest.mark.slow
def test_a_checkpoint_and_a_picture(board, capsys):
    cv2 = pytest.importorskip("cv2")
    np = pytest.importorskip("numpy")
    picture = board.folder / "a picture.png"
    cv2.imwrite(str(picture), np.zeros((40, 60, 3), np.uint8))
    checkpoint = write_checkpoint(board.folder / "model.pt")
    words = ["bench", str(checkpoint), "--host", "board", *QUICK, "--source", str(picture)]
    assert main([*words, "--threads", "1", "--out", str(board.folder / "out")]) == 0
    report = json.loads((board.folder / "out" / "bench.json").read_text())
    assert report["source"] == str(picture)
    assert report["frame_sizes_hw"] == [[40, 60]]
    assert report["environment"]["threads"] == 1
    assert capsys.readouterr().out.startswith("measured on board, over ssh\n")
    assert board.folders() == []


@pytest.mark.parametrize(
    "device", [[], pytest.param(["--device", "RTX 3090"], marks=pytest.mark.slow)]
)
def test_an_engine_is_built_and_measured_there(board, capsys, monkeypatch, device):
    board.has_card()
    loads = []
    monkeypatch.setattr(remote_bench, "wait_after_work", lambda _, load: loads.append(load()))
    code, report, error = bench(capsys, *device)
    assert code == 0, error
    assert loads[0] > 0  # asked of the board, after the build
    assert report["backend"] == "TensorRT 10.3.0"
    assert report["precision"] == "fp16"
    assert report["device"].startswith("NVIDIA GeForce RTX 3090")
    assert board.folders() == []


@pytest.mark.slow
def test_what_was_built_stays_when_it_is_wanted(board, capsys, caplog):
    board.has_card()
    code, _, error = bench(capsys, "--keep", "--precision", "fp32")
    assert code == 0, error
    (folder,) = board.folders()
    assert f"kept: board:{board.tmp / folder}" in caplog.text
    assert "built in" in caplog.text  # what the board says while it works
    assert (board.tmp / folder / "model.pyz").is_file()
    assert list((board.tmp / folder / "cache").rglob("*.engine"))


@pytest.mark.slow
@pytest.mark.parametrize("device", ["jetson", "RTX 4090"])
def test_another_device_than_the_one_there(board, capsys, device):
    board.has_card()
    code, report, error = bench(capsys, "--device", device)
    assert code == 5
    expected = f"expected --device {device} at board, found NVIDIA GeForce RTX 3090"
    assert report["message"] == expected
    assert error.splitlines()[-1].startswith("error: " + expected)
    assert board.folders() == []


def refused(board, capsys, *words):
    """The one line that says why, after looking that nothing stays."""
    code, report, error = bench(capsys, *words)
    lines = [line for line in error.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert lines[0].endswith(report["suggestion"])
    assert board.folders() == []
    return code, lines[0]


def test_no_python(board, capsys):
    (board.programs / "python3").unlink()
    for name in ("sh", "mktemp", "cat", "rm", "ls", "sed", "sleep"):
        (board.programs / name).symlink_to(shutil.which(name) or "")
    board.environ["PATH"] = board.programs
    board.write_board()
    code, line = refused(board, capsys)
    assert code == 5
    assert "expected Python 3.6 or newer on board, found no python3; install it there" in line


def test_no_numpy(board, capsys):
    bare = board.folder / "bare"
    venv.create(bare)
    board.python(f'exec {bare}/bin/python "$@"')
    code, line = refused(board, capsys)
    assert code == 5
    assert "expected numpy for python3 on board, found none; install it there" in line


def test_a_python_that_is_too_old(board, capsys):
    board.python('[ "$1" = --version ] && exit; echo "error: found Python 2.7" >&2; exit 5')
    code, line = refused(board, capsys)
    assert code == 5
    assert "found error: found Python 2.7" in line


def test_what_the_bundle_refuses_is_told_as_if_it_was_here(board, capsys):
    code, line = refused(board, capsys, "--device", "cpu", "--iterations", "1", "--warmup", "-1")
    assert code == 2
    assert "warmup" in line


def test_a_program_that_dies_there(board, capsys):
    board.python('[ "$1" = --version ] && exit; kill -9 $$')
    code, line = refused(board, capsys)
    assert code == 5
    assert "model.pyz doctor on board to end by itself, found signal 9" in line


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--source", "nowhere.png"], 2, "an image or a video as --source with --host"),
        (["--device", "jetsn"], 2, "did you mean"),
        (["--precision", "int8"], 2, "--precision fp32 or fp16"),
    ],
)
def test_bad_requests_never_leave(words, code, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["bench", str(ONNX), "--host", "board", *words]) == code
    assert message in capsys.readouterr().err


def test_an_engine_cannot_go_there(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.engine").write_bytes(b"plan")
    assert main(["bench", "model.engine", "--host", "board"]) == 4
    assert "give the .onnx file that it was built from" in capsys.readouterr().err


def test_ctrl_c_in_the_middle_of_a_measurement(board):
    words = ["bench", str(ONNX), "--host", "board", "--device", "cpu", "--sustain", "600"]
    command = [sys.executable, "-m", "edgedet", *words]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    end = time.monotonic() + 120
    while not list(board.tmp.glob("*/cache/**/*.onnx")):  # it measures from now on
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert error.strip().endswith("interrupted")
    assert "Traceback" not in error
    assert board.folders() == []
    assert not list(board.folder.glob("runs/**/bench.json"))
