"""A bundle on a device with TensorRT: what it builds, and what it runs afterwards."""

import json
import logging
import sys
from pathlib import Path

import pytest

pytest.importorskip("cv2")
pytest.importorskip("onnxruntime")

from engine_machine import pictures  # noqa: E402
from fake_cuda import fake_cuda  # noqa: E402
from fake_tensorrt import RTX_VERSION, fake_tensorrt, fake_tensorrt_rtx  # noqa: E402
from small_bundle import CONVOLUTION, write_small_bundle  # noqa: E402

from edgedet.runtime import bundle_choice, engine_builder, engine_cache, open_detector  # noqa: E402
from edgedet.runtime.bundle_choice import Wish, choose, open_choice  # noqa: E402
from edgedet.runtime.bundle_file import open_bundle  # noqa: E402
from edgedet.runtime.bundle_main import main  # noqa: E402
from edgedet.runtime.errors import DeviceError, ModelError  # noqa: E402

ALL = {"conf": 0.0, "iou": 1.0}
NANO, ORIN = "8.2.1.8", "10.3.0"


@pytest.fixture
def gpu():
    with fake_cuda() as driver:
        driver.device()  # that of a Nano
        yield driver


class Board:
    """A device with a bundle; TensorRT comes and goes."""

    def __init__(self, folder, gpu, monkeypatch):
        self.gpu, self._patch, self._here = gpu, monkeypatch, set()
        self.path = write_small_bundle(folder / "model.pyz", CONVOLUTION)
        monkeypatch.setattr(bundle_choice, "find_spec", self._find)
        self.has_onnxruntime = True

    def install(self, module):
        self._patch.setitem(sys.modules, module.__name__, module)
        self._here.add(module.__name__)
        self.trt = module

    def remove(self):
        self._here.clear()

    def run(self, *words):
        return main(str(self.path), [str(word) for word in words])

    def choose(self, **wish):
        return choose(open_bundle(self.path), Wish(**wish))

    def _find(self, name):
        if name == "onnxruntime":
            return self.has_onnxruntime or None
        return True if name in self._here else None


@pytest.fixture
def board(tmp_path, gpu, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(engine_builder, "machine_memory", lambda: None)
    made = Board(tmp_path, gpu, monkeypatch)
    made.install(fake_tensorrt(NANO, gpu=gpu))
    return made


def built(board, capsys, *words):
    assert board.run("build", "--json", *words) == 0
    return json.loads(capsys.readouterr().out)


def test_build_makes_an_engine_that_the_bundle_then_runs(board, capsys, tmp_path):
    facts = built(board, capsys)
    assert (facts["precision_used"], facts["version"]) == ("fp16", NANO)
    assert Path(facts["engine"]).parent == tmp_path / "cache"
    choice = board.choose()
    assert str(choice.file) == facts["engine"]
    assert choice.device == "NVIDIA Tegra X1 (compute capability 5.3)"
    frames = pictures()
    with open_choice(open_bundle(board.path), choice, Wish(), **ALL) as detector:
        found = [detector(frame) for frame in frames]
    with open_detector(CONVOLUTION, **ALL) as detector:
        assert [detector(frame) for frame in frames] == found
    board.gpu.require_clean()


def test_a_second_build_takes_what_is_there(board, capsys, caplog):
    first = built(board, capsys)
    before = Path(first["engine"]).stat().st_mtime_ns
    caplog.set_level(logging.INFO, "edgedet")
    assert built(board, capsys) == first
    assert Path(first["engine"]).stat().st_mtime_ns >= before
    assert any("taken from the cache" in message for message in caplog.messages)
    assert board.run("build") == 0
    assert "TensorRT 8.2.1.8 fp16" in capsys.readouterr().out


def test_an_engine_that_was_asked_for_elsewhere_is_used_too(board, capsys):
    facts = built(board, capsys, "--out", "model.engine")
    assert (facts["engine"], Path("model.engine.json").is_file()) == ("model.engine", True)
    assert board.choose().facts is not None


def test_fp16_goes_before_fp32_unless_fp32_is_asked_for(board, capsys):
    built(board, capsys, "--precision", "fp32")
    assert board.choose().facts.precision == "fp32"
    built(board, capsys, "--precision", "fp16")
    built(board, capsys, "--precision", "fp32")
    assert board.choose().facts.precision == "fp16"
    assert board.choose(precision="fp32").facts.precision == "fp32"
    assert board.choose(backend="onnxruntime").facts is None


def test_bench_of_an_engine_says_what_ran(board, capsys):
    built(board, capsys)
    assert board.run("bench", "--iterations", 2, "--warmup", 0, "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert values["backend"] == "TensorRT 8.2.1.8"
    assert (values["precision"], values["device"]) == (
        "fp16",
        "NVIDIA Tegra X1 (compute capability 5.3)",
    )
    board.gpu.require_clean()


def test_without_an_engine_onnx_runtime_runs_and_the_log_says_why(board, caplog):
    assert board.choose().facts is None
    (message,) = caplog.messages
    assert "found none that was built; run: python3 {} build".format(board.path) in message
    caplog.clear()
    board.remove()
    assert board.choose().facts is None
    assert caplog.messages == []  # nothing to wonder about on a machine without TensorRT


def test_with_neither_engine_nor_onnx_runtime_it_says_what_to_do(board):
    board.has_onnxruntime = False
    with pytest.raises(DeviceError, match="run: python3 .* build"):
        board.choose()
    board.remove()
    with pytest.raises(DeviceError, match="TensorRT or ONNX Runtime, found neither"):
        board.choose()


def test_an_engine_of_another_tensorrt_is_not_taken(board, capsys, caplog):
    built(board, capsys)
    board.install(fake_tensorrt("8.4.1.5", gpu=board.gpu))
    assert board.choose().facts is None
    assert "only one for TensorRT 8.2.1.8 on NVIDIA Tegra X1" in caplog.messages[-1]
    with pytest.raises(DeviceError, match="only one for TensorRT 8.2.1.8"):
        board.choose(backend="tensorrt")


def test_an_engine_of_another_gpu_is_not_taken(board, capsys, gpu):
    built(board, capsys)
    gpu.device(name="Orin", compute_capability=(8, 7))
    assert board.choose().facts is None


def test_an_engine_without_its_tensorrt_is_not_taken(board, capsys):
    built(board, capsys)
    board.remove()
    assert board.choose().facts is None


def test_a_damaged_engine_names_the_command_of_the_bundle(board, capsys):
    engine = Path(built(board, capsys)["engine"])
    engine.write_bytes(engine.read_bytes()[:-3])
    assert board.run("predict", "--source", "nowhere.png") == 3
    capsys.readouterr()
    with pytest.raises(ModelError) as caught:
        open_choice(open_bundle(board.path), board.choose(), Wish())
    here = "python3 {} build --force --precision fp16".format(board.path)
    assert str(caught.value).endswith(here)


def test_a_damaged_sidecar_counts_as_no_engine(board, capsys):
    engine = Path(built(board, capsys)["engine"])
    engine_cache.sidecar_path(engine).write_text("{}")
    assert board.choose().facts is None


def test_the_doctor_tells_of_engines(board, capsys, monkeypatch):
    from edgedet.runtime import bundle_diagnosis

    def line():
        lines = bundle_diagnosis.diagnose_bundle(open_bundle(board.path))
        return {found.name: found for found in lines}["Engine"]

    class Probed:
        version = NANO

    monkeypatch.setattr(bundle_diagnosis, "probe", lambda *_: Probed)
    command = "python3 {} build".format(board.path)
    assert (line().status, line().fix) == ("missing", command)
    built(board, capsys)
    assert (line().status, line().details) == ("ok", {"precisions": ["fp16"]})
    Probed.version = "8.4.1.5"
    assert (line().status, line().fix) == ("warning", command)


def test_rtx_builds_fp16_from_the_graph_that_says_so(board, capsys, gpu):
    board.remove()
    gpu.device(name="NVIDIA GeForce RTX 3090", compute_capability=(8, 6), integrated=False)
    board.install(fake_tensorrt_rtx(gpu=gpu))
    assert board.run("build", "--json") == 4
    failure = json.loads(capsys.readouterr().out)
    assert "a model in float16, found only float32" in failure["message"]
    facts = built(board, capsys, "--precision", "fp32")
    assert (facts["version"], facts["compute_capabilities"]) == (RTX_VERSION, ["8.6"])
    assert board.choose().facts.flavour == "tensorrt_rtx"
    write_small_bundle(board.path, CONVOLUTION, half=CONVOLUTION)
    assert board.run("build") == 4  # that graph is FP32 in truth
    assert "expected a graph in FP16" in capsys.readouterr().err
    assert list(Path("cache").rglob("model.float16.onnx"))


def test_rtx_without_a_gpu_is_a_device_error(board, capsys, monkeypatch):
    from edgedet.runtime import gpu_identity

    board.remove()
    board.install(fake_tensorrt_rtx())
    monkeypatch.setattr(gpu_identity, "DRIVER", "libnone.so")
    assert board.run("build", "--precision", "fp32") == 5
    assert "an NVIDIA GPU to build for" in capsys.readouterr().err
