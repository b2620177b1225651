"""What is found out about a TensorRT by asking it, against the facts of each version."""

import sys
from pathlib import Path

import pytest
from fake_tensorrt import VERSIONS, fake_tensorrt

from edgedet.runtime import DeviceError, ModelError, engine_builder, engine_cache, engine_job
from edgedet.runtime.engine_builder import engine_from_onnx
from edgedet.runtime.engine_options import EngineOptions
from edgedet.runtime.gpu_identity import Gpu
from edgedet.runtime.tensorrt_flavour import Capabilities, capabilities_of, open_flavour

ONNX = Path(__file__).parent.parent / "golden" / "tiny_convolution.onnx"
FIRST_WITH = {  # capability -> first version that has it
    "workspace_pool": (8, 4),
    "uint8": (8, 5),
    "tensor_api": (8, 5),
    "progress": (10, 0),
}
FIRST_WITHOUT = {
    "explicit_batch_flag": (11, 0),
    "weakly_typed": (11, 0),
    "layer_precision": (11, 0),
    "library_tactics": (11, 0),
}


@pytest.mark.parametrize("version", VERSIONS)
def test_capabilities_are_those_of_the_version(version):
    number = VERSIONS[version]
    expected = {name: number >= first for name, first in FIRST_WITH.items()}
    expected.update((name, number < first) for name, first in FIRST_WITHOUT.items())
    expected.update(compute_targets=False, timing_cache=True)
    expected.update(runtime_cache=False, replays_graphs=False)
    assert capabilities_of(fake_tensorrt(version)) == Capabilities(**expected)


@pytest.fixture
def tensorrt_11(tmp_path, monkeypatch):
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(engine_job, "find_gpu", lambda: Gpu("NVIDIA GeForce RTX 3090", "8.6"))
    monkeypatch.setattr(engine_builder, "machine_memory", lambda: None)
    monkeypatch.setitem(sys.modules, "tensorrt", fake_tensorrt("11.4.0"))
    return open_flavour("tensorrt")


def test_there_is_one_logger_for_all_builds(tensorrt_11):
    again = open_flavour("tensorrt")
    assert again is tensorrt_11
    assert again.title == "TensorRT 11.4.0"


def test_an_fp32_graph_cannot_become_fp16_without_a_word(tensorrt_11, tmp_path):
    with pytest.raises(ModelError, match=r"a graph in FP16: TensorRT 11.4.0 .* 1 in FP32, 0 "):
        engine_from_onnx(ONNX, tmp_path / "a.engine", tensorrt_11, EngineOptions("fp16"))
    assert tensorrt_11.module.seen.builds == 0


def test_an_fp32_graph_is_built_as_it_is(tensorrt_11, tmp_path):
    facts = engine_from_onnx(ONNX, tmp_path / "a.engine", tensorrt_11, EngineOptions("fp32"))
    assert (facts.precision_used, facts.precision_source) == ("fp32", "network")
    assert tensorrt_11.module.seen.networks[-1].flags == 1


@pytest.mark.parametrize(
    ("name", "fix"), [("tensorrt", "JetPack"), ("tensorrt_rtx", r"pip install 'edgedet\[rtx\]'")]
)
def test_what_is_not_installed_says_how_to_get_it(name, fix, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DeviceError, match=fix):
        open_flavour(name)
