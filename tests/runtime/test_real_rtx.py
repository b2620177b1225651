"""The real TensorRT-RTX, which needs no GPU to be imported, to build, and to refuse to load."""

import inspect

import pytest

pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is not installed: edgedet[rtx]")

import tensorrt_rtx
from engine_machine import ONNX
from fake_tensorrt import fake_tensorrt_rtx

from edgedet.runtime import ModelError, engine_cache
from edgedet.runtime.engine_builder import engine_from_onnx
from edgedet.runtime.engine_options import EngineOptions
from edgedet.runtime.gpu_identity import Gpu, find_gpu
from edgedet.runtime.int8_network import _learned_by_name, _needing_range
from edgedet.runtime.int8_scales import load_scales
from edgedet.runtime.loaded_engine import LoadedEngine
from edgedet.runtime.network_layers import layers_of
from edgedet.runtime.network_parser import parse_onnx
from edgedet.runtime.onnx_facts import layer_outputs
from edgedet.runtime.tensorrt_flavour import TENSORRT_RTX, capabilities_of, open_flavour

GOLDEN = ONNX.parent
NAMES = {"Layer": "ILayer", "Tensor": "ITensor", "TimingCache": "ITimingCache"}


def members(cls):
    if hasattr(cls, "__members__"):
        return list(cls.__members__)
    own = [name for name in vars(cls) if not name.startswith("_") and name != "fields"]
    return own + list(getattr(cls, "fields", ()))


def test_the_fake_has_nothing_that_the_real_one_lacks():
    fake = fake_tensorrt_rtx()
    lacking = [
        "{}.{}".format(name, member)
        for name, cls in vars(fake).items()
        if inspect.isclass(cls)
        for member in members(cls)
        if not hasattr(getattr(tensorrt_rtx, NAMES.get(name, name)), member)
    ]
    assert lacking == []
    assert capabilities_of(tensorrt_rtx) == capabilities_of(fake)


def test_an_execution_context_takes_a_runtime_config():
    said = tensorrt_rtx.ICudaEngine.create_execution_context.__doc__
    assert "runtime_config: tensorrt_rtx" in said
    assert "-> bool" in tensorrt_rtx.IRuntimeCache.deserialize.__doc__


def test_an_engine_that_it_does_not_load_is_told_with_its_cause(tmp_path, monkeypatch):
    if find_gpu() is not None:
        pytest.skip("this machine has a GPU, which would load it")
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    flavour, engine = open_flavour(TENSORRT_RTX), tmp_path / "model.engine"
    facts = engine_from_onnx(ONNX, engine, flavour, EngineOptions("fp32", ("8.6",)))
    loaded = LoadedEngine(flavour, engine, facts)
    with pytest.raises(ModelError, match="TensorRT-RTX .* to load .*, found .*CUDA"):
        loaded.load(Gpu("NVIDIA GeForce RTX 3090", "8.6"))
    loaded.close()


def test_q_dq_becomes_an_int8_engine_and_fp32_does_not(tmp_path, monkeypatch):
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    flavour, options = open_flavour(TENSORRT_RTX), EngineOptions("int8", ("8.6",))
    facts = engine_from_onnx(GOLDEN / "tiny_int8.qdq.onnx", tmp_path / "a", flavour, options)
    assert (facts.precision_used, facts.layers_int8, facts.layers_fp32) == ("int8", 3, 1)
    with pytest.raises(ModelError, match="learned layers: 4 in FP32, 0 in FP16, 0 in INT8"):
        engine_from_onnx(GOLDEN / "tiny_int8.onnx", tmp_path / "b", flavour, options)


def test_its_parser_keeps_the_names_that_scales_go_by():
    """It is that of TensorRT 10 and 11; those that take ranges need a GPU to make a network."""
    flavour, onnx = open_flavour(TENSORRT_RTX), GOLDEN / "tiny_int8.onnx"
    network = tensorrt_rtx.Builder(flavour.log).create_network(0)
    parser = parse_onnx(flavour, network, onnx)
    scales = load_scales(GOLDEN / "tiny_int8.scales.json")
    needing = _needing_range(network, tensorrt_rtx.DataType.FLOAT)
    assert sorted(needing) == ["back", "images", "mixed", "stem", "stem_relu", "sum"]
    learned = _learned_by_name(layers_of(network), layer_outputs(onnx))
    assert set(learned) == {*scales.float_layers, *scales.biases}
    del parser
