"""Where engines are written and kept, by several at once and where one may not."""

import gc
import os
import shutil
import signal
import threading
import weakref
from contextlib import suppress
from pathlib import Path

import pytest
from fake_tensorrt import Faults, fake_tensorrt

from edgedet.runtime import UsageError, engine_builder, engine_cache, engine_job
from edgedet.runtime.atomic import atomic_path
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


def the_entry():
    (entry,) = engine_cache.cache_folder().glob("*.engine")
    return entry


def test_a_cache_that_cannot_be_read_costs_no_engine(tmp_path, flavour, monkeypatch, caplog):
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, str(tmp_path / ("long" * 100)))
    engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, FP16)
    assert read_engine_facts(tmp_path / "a.engine").version == "8.2.1.8"
    assert "not kept" in caplog.text


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_an_entry_that_changes_while_it_is_copied_counts_as_none(
    how, tmp_path, flavour, monkeypatch
):
    """Another process prunes the cache, or stores what it built itself."""
    engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, FP16)
    entry, copy = the_entry(), shutil.copyfile

    def change_and_copy(source, target):
        if source == str(entry):
            monkeypatch.setattr(shutil, "copyfile", copy)
            entry.unlink()
            if how == "replaced":
                entry.write_bytes(b"another plan")
        copy(source, target)

    monkeypatch.setattr(shutil, "copyfile", change_and_copy)
    facts = engine_from_onnx(ONNX, tmp_path / "b.engine", flavour, FP16)
    assert facts == read_engine_facts(tmp_path / "b.engine")
    assert flavour.module.seen.builds == 2
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize("when", ["stat", "unlink"])
def test_two_that_prune_at_once_do_not_meet(when, tmp_path, flavour, monkeypatch, caplog):
    engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, FP16)
    first = the_entry()
    monkeypatch.setattr(engine_cache, "LIMIT_BYTES", 1)
    method = getattr(Path, when)

    def after_the_other(self, *arguments, **names):
        if self == first and os.path.lexists(str(first)):
            os.remove(str(first))  # noqa: PTH107 - `unlink` is the method
        return method(self, *arguments, **names)

    monkeypatch.setattr(engine_cache.Path, when, after_the_other)
    engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, FP16._replace(workspace_mib=1))
    assert not first.exists()
    assert "not kept" not in caplog.text


def test_what_another_process_is_writing_is_not_pruned(tmp_path, flavour, monkeypatch):
    monkeypatch.setattr(engine_cache, "LIMIT_BYTES", 1)
    with atomic_path(engine_cache.entry_path("0" * 64)) as others:
        others.write_bytes(b"half of a plan")
        engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, FP16)
        assert others.exists()


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv(engine_cache.FOLDER_VARIABLE)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(engine_cache.Path, "home", homeless)
    with pytest.raises(UsageError, match="EDGEDET_CACHE"):
        engine_cache.cache_folder()


def test_the_weights_live_as_long_as_a_build_that_ctrl_c_left_behind(tmp_path):
    """TensorRT 8 reads them on, in its own thread: freed memory under it is a crash."""
    parsers, forgotten, alive = [], threading.Event(), []

    def during_build(step):
        if step == 0:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            forgotten.wait(20)
            gc.collect()
            alive.append(parsers[0]() is not None)

    trt = fake_tensorrt("8.2.1.8", Faults(during_build=during_build))
    parser_of = trt.OnnxParser

    def remembered(*arguments):
        parser = parser_of(*arguments)
        parsers.append(weakref.ref(parser))
        return parser

    trt.OnnxParser = remembered
    flavour = Flavour(trt, "tensorrt", "8.2.1.8", capabilities_of(trt), new_log(trt))
    with suppress(KeyboardInterrupt):  # not pytest.raises, which keeps the frames alive
        engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, FP16)
    forgotten.set()
    for thread in threading.enumerate():
        if thread.name == "edgedet-build":
            thread.join()
    assert alive == [True]


def test_timings_that_tensorrt_cannot_read_start_empty(tmp_path, flavour, monkeypatch):
    """Its own samples expect that none are made of them."""
    config = flavour.module.IBuilderConfig
    create = config.create_timing_cache

    def create_or_none(self, content):
        return None if content == b"damaged" else create(self, content)

    monkeypatch.setattr(config, "create_timing_cache", create_or_none)
    engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, FP16)
    (file,) = engine_cache.cache_folder().glob("*.timing")
    file.write_bytes(b"damaged")
    engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, FP16, force=True)
    assert flavour.module.seen.configs[-1].timings.content == b""
