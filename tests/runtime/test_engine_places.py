"""Where engines are written and kept, by several at once and where one may not."""

from pathlib import Path

import pytest
from fake_tensorrt import fake_tensorrt

from edgedet.runtime import UsageError, engine_builder, engine_cache, engine_job
from edgedet.runtime.engine_builder import engine_from_onnx
from edgedet.runtime.engine_file import read_engine_facts, rebuild_command
from edgedet.runtime.engine_options import EngineOptions
from edgedet.runtime.gpu_identity import Gpu
from edgedet.runtime.tensorrt_flavour import Flavour, capabilities_of
from edgedet.runtime.tensorrt_log import new_log

ONNX = Path(__file__).parent.parent / "golden" / "tiny_convolution.onnx"
FP16 = EngineOptions("fp16")


@pytest.fixture(autouse=True)
def _nano(tmp_path, monkeypatch):
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(engine_job, "find_gpu", lambda: Gpu("NVIDIA Tegra X1", "5.3"))
    monkeypatch.setattr(engine_builder, "machine_memory", lambda: None)


@pytest.fixture
def flavour():
    trt = fake_tensorrt("8.2.1.8")
    return Flavour(trt, "tensorrt", "8.2.1.8", capabilities_of(trt), new_log(trt))


@pytest.mark.parametrize("name", ["folder", "file/a.engine", "/dev/null", "a.engine"])
def test_a_place_that_cannot_be_is_told_before_the_build(name, tmp_path, flavour):
    """Which takes half an hour on a small board. `a.engine` has a folder where its sidecar goes."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.engine.json").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UsageError):
        engine_from_onnx(ONNX, tmp_path / name, flavour, FP16)
    assert flavour.module.seen.builds == 0


def test_an_engine_does_not_take_the_place_of_its_model(tmp_path, flavour):
    model, link = tmp_path / "model.onnx", tmp_path / "link.onnx"
    model.write_bytes(ONNX.read_bytes())
    link.symlink_to(model)
    with pytest.raises(UsageError, match="which is the model"):
        engine_from_onnx(model, link, flavour, FP16)
    assert model.read_bytes() == ONNX.read_bytes()


def test_the_command_that_rebuilds_can_be_typed(tmp_path, flavour):
    model = tmp_path / "my model.onnx"
    model.write_bytes(ONNX.read_bytes())
    facts = engine_from_onnx(model, tmp_path / "a.engine", flavour, FP16)
    assert "build_engine 'my model.onnx' --precision fp16" in rebuild_command(facts)


def test_a_name_of_another_language_is_text_in_the_sidecar(tmp_path, flavour):
    """Python 3.6 in a C locale reads names as ASCII with surrogates for the rest."""
    model = tmp_path / "modèle.onnx".encode("utf-8").decode("ascii", "surrogateescape")
    model.write_bytes(ONNX.read_bytes())
    engine_from_onnx(model, tmp_path / "a.engine", flavour, FP16)
    assert read_engine_facts(tmp_path / "a.engine").onnx_file == "modèle.onnx"
