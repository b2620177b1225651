"""A small board builds without the kernels of cuDNN and cuBLAS, unless a layer needs them."""

import logging
from pathlib import Path

import pytest
from fake_tensorrt import Faults, fake_tensorrt

from edgedet.runtime import ModelError, engine_builder, engine_cache, engine_job
from edgedet.runtime.engine_builder import engine_from_onnx
from edgedet.runtime.engine_options import EngineOptions
from edgedet.runtime.gpu_identity import Gpu
from edgedet.runtime.tensorrt_flavour import Flavour, capabilities_of
from edgedet.runtime.tensorrt_log import new_log

ONNX = Path(__file__).parent.parent / "golden" / "tiny_convolution.onnx"
LIBRARIES = ["CUBLAS", "CUBLAS_LT", "CUDNN"]
EIGHT, ALL = ["8.2.1.8", "8.4.1.5", "8.5.2.2", "8.6.1"], 0b11111


@pytest.fixture(autouse=True)
def board(tmp_path, monkeypatch, caplog):
    """A cache of its own, and a Jetson to build on."""
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(engine_job, "find_gpu", lambda: Gpu("NVIDIA Tegra X1", "5.3"))
    monkeypatch.setattr(engine_job, "has_shared_memory", lambda: True)
    monkeypatch.setattr(engine_builder, "machine_memory", lambda: None)
    caplog.set_level(logging.INFO, "edgedet.engine")


def opened(version, faults=None):
    trt = fake_tensorrt(version, faults)
    return Flavour(trt, "tensorrt", version, capabilities_of(trt), new_log(trt))


def built(flavour, engine):
    return engine_from_onnx(ONNX, engine, flavour, EngineOptions("fp32"))


def sources_of(flavour):
    """The bits of the last build."""
    return flavour.module.seen.configs[-1].sources


@pytest.mark.parametrize("version", EIGHT)
def test_a_small_board_does_without_libraries(version, tmp_path, caplog):
    flavour = opened(version)
    facts = built(flavour, tmp_path / "a.engine")
    others = [source for source in flavour.module.TacticSource if source.name not in LIBRARIES]
    assert sources_of(flavour) == sum(1 << int(source) for source in others)
    assert facts.options["tactics_left_out"] == LIBRARIES
    assert caplog.text.count("the kernels of CUBLAS, CUBLAS_LT, CUDNN are left out") == 1


@pytest.mark.parametrize("version", ["10.3.0", "11.4.0"])
def test_where_they_are_off_or_gone_nothing_is_changed_or_said(version, tmp_path, caplog):
    flavour = opened(version)
    before = flavour.module.IBuilderConfig().sources
    facts = built(flavour, tmp_path / "a.engine")
    assert sources_of(flavour) == before
    assert facts.options["tactics_left_out"] == []
    assert "left out" not in caplog.text


def test_a_graphics_card_has_room_for_them(tmp_path, monkeypatch, caplog):
    small = built(opened("8.6.1"), tmp_path / "a.engine")
    caplog.clear()
    monkeypatch.setattr(engine_job, "has_shared_memory", lambda: False)
    flavour = opened("8.6.1")
    facts = built(flavour, tmp_path / "a.engine")
    assert (sources_of(flavour), facts.options["tactics_left_out"]) == (ALL, [])
    assert facts.key != small.key
    assert "left out" not in caplog.text


def test_a_layer_that_needs_one_gets_all_of_them(tmp_path, caplog):
    flavour = opened("8.5.2.2", Faults(needs="CUBLAS"))
    facts = built(flavour, tmp_path / "a.engine")
    assert (sources_of(flavour), facts.options["tactics_left_out"]) == (ALL, [])
    assert flavour.module.seen.builds == 2
    assert "built once more, with the kernels of CUBLAS, CUBLAS_LT, CUDNN: Could not" in caplog.text
    assert built(flavour, tmp_path / "b.engine") == facts  # from the cache
    assert flavour.module.seen.builds == 2


@pytest.mark.parametrize(
    ("faults", "builds"),
    [(Faults(build="Could not find any implementation for node x"), 2)]
    + [(Faults(build="something else"), 1)],
)
def test_what_they_do_not_mend_is_told(faults, builds, tmp_path):
    flavour = opened("8.2.1.8", faults)
    with pytest.raises(ModelError, match=faults.build):
        built(flavour, tmp_path / "a.engine")
    assert flavour.module.seen.builds == builds
