"""Engines of TensorRT 8.2 to 10 on a fake that keeps to their API; Python 3.6 runs these too."""

import errno
import json
import logging
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from fake_tensorrt import VERSIONS, Faults, fake_tensorrt

from edgedet.runtime import (
    DeviceError,
    ModelError,
    UsageError,
    build_engine,
    build_watch,
    engine_builder,
    engine_cache,
    engine_file,
    engine_job,
    timing_cache,
)
from edgedet.runtime.build_memory import MIB, Memory
from edgedet.runtime.engine_builder import engine_from_onnx
from edgedet.runtime.engine_file import read_engine_facts, require_fit, sidecar_path
from edgedet.runtime.engine_options import EngineOptions
from edgedet.runtime.gpu_identity import Gpu
from edgedet.runtime.tensorrt_flavour import Flavour, capabilities_of
from edgedet.runtime.tensorrt_log import new_log

GOLDEN = Path(__file__).parent.parent / "golden"
ONNX = GOLDEN / "tiny_convolution.onnx"
NANO = Gpu("NVIDIA Tegra X1", "5.3")
WEAK = [version for version, number in VERSIONS.items() if number < (11, 0)]
HELD = ["/decode/Sigmoid", "/decode/TopK", "/decode/Scale"]
FP16, FP32 = EngineOptions("fp16"), EngineOptions("fp32")


@pytest.fixture(autouse=True)
def nano(tmp_path, monkeypatch):
    """A cache of its own, a GPU to build on, and a board's memory."""
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(engine_job, "find_gpu", lambda: NANO)
    monkeypatch.setattr(engine_builder, "machine_memory", lambda: Memory(2000 * MIB, 0))
    monkeypatch.setattr(engine_job, "has_shared_memory", lambda: True)
    return tmp_path


def opened(version, faults=None):
    trt = fake_tensorrt(version, faults)
    return Flavour(trt, "tensorrt", version, capabilities_of(trt), new_log(trt))


def layers_of(engine):
    return dict(json.loads(engine.read_bytes()[32:].decode("ascii"))["layers"])


@pytest.mark.parametrize("version", WEAK)
def test_fp16_but_for_the_decoding(version, tmp_path):
    engine = tmp_path / "new" / "model.engine"
    facts = engine_from_onnx(ONNX, engine, opened(version), FP16)
    layers = layers_of(engine)
    assert layers["/stem/Conv"] == layers["/head/Transpose"] == "FP16"
    assert [layers[name] for name in HELD] == ["FP32"] * 3
    assert layers["/decode/Labels"] == ("INT32" if version[0] == "8" else "INT64")
    assert (facts.precision, facts.precision_used) == ("fp16", "fp16")
    assert (facts.layers_fp16, facts.precision_source) == (7, "inspector")


@pytest.mark.parametrize("version", WEAK)
def test_fp32_has_no_fp16(version, tmp_path):
    engine = tmp_path / "model.engine"
    facts = engine_from_onnx(ONNX, engine, opened(version), FP32)
    assert "FP16" not in layers_of(engine).values()
    assert (facts.precision_used, facts.layers_fp16) == ("fp32", 0)


def test_the_sidecar_says_what_it_is(tmp_path):
    engine = tmp_path / "model.engine"
    written = engine_from_onnx(ONNX, engine, opened("8.2.1.8"), FP16)
    facts = read_engine_facts(engine)
    assert facts == written
    assert (facts.title, facts.gpu_name) == ("TensorRT 8.2.1.8", NANO.name)
    assert facts.compute_capabilities == ("5.3",)
    assert facts.inputs == [{"name": "images", "dtype": "float32", "shape": [1, 3, 16, 16]}]
    assert [row["name"] for row in facts.outputs] == ["boxes_xyxy", "scores", "labels"]
    assert facts.spec["class_names"] == ["thing"]
    assert facts.plan_bytes == engine.stat().st_size
    assert facts.onnx_sha256 == engine_job.sha256_of(ONNX)
    assert facts.build_seconds > 0
    assert json.loads(sidecar_path(engine).read_text())["schema_version"] == 3


@pytest.mark.parametrize("version", WEAK)
def test_the_workspace_goes_by_the_call_that_exists(version, tmp_path):
    flavour = opened(version)
    facts = engine_from_onnx(ONNX, tmp_path / "model.engine", flavour, FP16)
    config = flavour.module.seen.configs[-1]
    limits = list(config.pools.values()) or [config.max_workspace_size]
    assert limits == [256 * MIB]
    assert facts.workspace_mib == 256
    asked = FP16._replace(workspace_mib=64)
    assert engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, asked).workspace_mib == 64


def test_the_workspace_follows_free_memory(tmp_path, monkeypatch):
    free = Memory(1000 * MIB, 0)
    monkeypatch.setattr(engine_builder, "machine_memory", lambda: free)
    facts = engine_from_onnx(ONNX, tmp_path / "model.engine", opened("8.2.1.8"), FP16)
    assert facts.workspace_mib == (1000 - 800) // 4 - 1  # the model takes a little of it


def test_too_little_memory_is_said_before_the_build(tmp_path, monkeypatch):
    free = Memory(500 * MIB, 100 * MIB)
    monkeypatch.setattr(engine_builder, "machine_memory", lambda: free)
    flavour = opened("8.2.1.8")
    with pytest.raises(DeviceError, match="524 MB of memory and 104 MB of swap free; .*swapon"):
        engine_from_onnx(ONNX, tmp_path / "model.engine", flavour, FP16)
    assert flavour.module.seen.builds == 0


def test_a_build_after_one_that_was_killed_says_so(tmp_path, caplog):
    folder = engine_cache.cache_folder()
    folder.mkdir()
    mark = folder / (engine_job.sha256_of(ONNX) + ".1.building")
    mark.write_text('{"pid": 77, "started": "2026-01-02 03:04"}')
    engine_from_onnx(ONNX, tmp_path / "model.engine", opened("8.2.1.8"), FP16)
    said = "tiny_convolution.onnx, process 77, begun 2026-01-02 03:04, was killed"
    assert caplog.text.count(said) == 1
    assert not list(folder.glob("*.building"))


def test_the_second_build_comes_from_the_cache(tmp_path):
    flavour = opened("8.2.1.8")
    first = engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, FP16)
    assert engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, FP16) == first
    assert engine_from_onnx(ONNX, tmp_path / "b.engine", flavour, FP16) == first
    assert read_engine_facts(tmp_path / "b.engine") == first
    assert flavour.module.seen.builds == 1
    engine_from_onnx(ONNX, tmp_path / "b.engine", flavour, FP16, force=True)
    assert flavour.module.seen.builds == 2


@pytest.mark.parametrize("change", ["onnx", "version", "gpu", "precision", "workspace"])
def test_whatever_changes_the_plan_is_built_anew(change, tmp_path, monkeypatch):
    engine, onnx, version, options = tmp_path / "a.engine", ONNX, "8.2.1.8", FP16
    first = engine_from_onnx(onnx, engine, opened(version), options)
    if change == "onnx":
        onnx = tmp_path / "other.onnx"
        onnx.write_bytes(ONNX.read_bytes().replace(b"/stem/Conv", b"/stem/Conw"))
    elif change == "version":
        version = "8.4.1.5"
    elif change == "gpu":
        monkeypatch.setattr(engine_job, "find_gpu", lambda: Gpu("NVIDIA Tegra X2", "6.2"))
    else:
        options = FP32 if change == "precision" else FP16._replace(workspace_mib=9)
    flavour = opened(version)
    assert engine_from_onnx(onnx, engine, flavour, options).key != first.key
    assert flavour.module.seen.builds == 1


def test_a_damaged_cache_is_not_used(tmp_path):
    engine_from_onnx(ONNX, tmp_path / "a.engine", opened("8.2.1.8"), FP16)
    (entry,) = engine_cache.cache_folder().glob("*.engine")
    entry.write_bytes(entry.read_bytes()[:-5])
    flavour = opened("8.2.1.8")
    engine_from_onnx(ONNX, tmp_path / "b.engine", flavour, FP16)
    assert flavour.module.seen.builds == 1


def test_the_cache_forgets_what_was_not_used_for_longest(tmp_path, monkeypatch):
    options = [FP16._replace(workspace_mib=size) for size in (1, 2, 3)]
    flavour = opened("8.2.1.8")
    sizes = [
        engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, option).plan_bytes
        for option in options[:2]
    ]
    old, recent = sorted(engine_cache.cache_folder().glob("*.engine"))
    os.utime(str(old), (1, 1))
    monkeypatch.setattr(engine_cache, "LIMIT_BYTES", 2 * sizes[0] + 10)
    engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, options[2])
    assert not old.exists()
    assert not sidecar_path(old).exists()
    assert recent.exists()


def test_a_cache_that_cannot_be_written_costs_a_warning(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, str(tmp_path / "file"))
    engine_from_onnx(ONNX, tmp_path / "a.engine", opened("8.2.1.8"), FP16)
    assert "not kept" in caplog.text


def test_timings_are_kept_for_the_next_build(tmp_path):
    flavour = opened("8.2.1.8")
    engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, FP16)
    file = timing_cache.timing_file(flavour, NANO)
    assert file.read_bytes() == b"timings"
    engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, FP32)
    assert flavour.module.seen.configs[-1].timings.content == b"timings"
    file.write_bytes(b"of another version")
    engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, FP32, force=True)
    assert flavour.module.seen.configs[-1].timings.content == b""


@pytest.mark.parametrize(
    ("version", "label"), [("8.2.1.8", "Conv /stem/Conv"), ("10.3.0", "Conv /stem/Conv")]
)
def test_a_refused_node_is_named(version, label, tmp_path):
    flavour = opened(version, Faults(refused_node=0))
    with pytest.raises(ModelError, match=label + ": Assertion failed: the fake refuses it"):
        engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, FP16)
    assert not list(tmp_path.glob("*.engine*"))


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Could not find any implementation for node /stem/Conv", ModelError),
        ("[runtime.cpp::1] Error Code 1: Cuda Runtime (out of memory)", DeviceError),
    ],
)
def test_the_cause_of_a_failed_build_is_in_the_message(message, kind, tmp_path):
    engine = tmp_path / "a.engine"
    engine_from_onnx(ONNX, engine, opened("8.2.1.8"), FP16)
    before = engine.read_bytes(), sidecar_path(engine).read_bytes()
    flavour = opened("8.2.1.8", Faults(build=message))
    with pytest.raises(kind) as caught:
        engine_from_onnx(ONNX, engine, flavour, FP16, force=True)
    assert message in str(caught.value)
    assert (engine.read_bytes(), sidecar_path(engine).read_bytes()) == before


def test_a_cause_is_of_this_build_and_no_earlier_one(tmp_path):
    faults = Faults(build="first failure")
    flavour = opened("8.2.1.8", faults)
    for message in ("first failure", "second failure"):
        faults.build = message
        with pytest.raises(ModelError) as caught:
            engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, FP16)
        assert message in str(caught.value)
    assert "first" not in str(caught.value)


@pytest.mark.parametrize(
    ("faults", "kind", "message"),
    [
        (Faults(no_cuda=True), DeviceError, "CUDA initialization failure with error: 35"),
        (Faults(slow_fp16=True), DeviceError, "faster in FP16"),
        (Faults(ignores_fp16=True), ModelError, "layers: 10 in FP32, 0 in FP16, 0 in INT8"),
        (Faults(not_loadable="Serialization failed"), DeviceError, "Serialization failed"),
    ],
)
def test_what_else_fails_leaves_nothing(faults, kind, message, tmp_path):
    with pytest.raises(kind, match=message):
        engine_from_onnx(ONNX, tmp_path / "a.engine", opened("8.6.1", faults), FP16)
    assert not list(tmp_path.glob("*engine*"))


def test_without_a_gpu(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_job, "find_gpu", lambda: None)
    with pytest.raises(DeviceError, match="an NVIDIA GPU with its driver"):
        engine_from_onnx(ONNX, tmp_path / "a.engine", opened("10.3.0"), FP16)


@pytest.mark.parametrize("name", ["NVIDIA GeForce RTX 5090", "NVIDIA RTX of another name"])
def test_a_card_that_is_newer_than_this_tensorrt(name, tmp_path, monkeypatch):
    monkeypatch.setattr(engine_job, "find_gpu", lambda: Gpu(name, "12.0"))
    flavour = opened("10.3.0")
    with pytest.raises(DeviceError) as caught:
        engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, FP16)
    assert str(caught.value) == (
        "expected TensorRT 10.8 or newer for the {} (compute capability 12.0), "
        "found TensorRT 10.3.0; run: pip install 'tensorrt>=10.8'".format(name)
    )
    assert flavour.module.seen.networks == []
    newer = flavour._replace(version="10.16.1.11")
    assert engine_from_onnx(ONNX, tmp_path / "a.engine", newer, FP16).gpu_name == name


def test_8_2_takes_no_uint8(tmp_path):
    tiny = GOLDEN / "tiny_detector.onnx"
    with pytest.raises(ModelError, match="8.2.1.8 has no uint8.*--input float"):
        engine_from_onnx(tiny, tmp_path / "a.engine", opened("8.2.1.8"), FP16)


def test_an_fp16_graph_is_refused_where_a_flag_decides(tmp_path):
    onnx = tmp_path / "half.onnx"
    content = ONNX.read_bytes()
    assert content.count(b'"float32"}, "resize') == 1
    onnx.write_bytes(content.replace(b'"float32"}, "resize', b'"float16"}, "resize'))
    with pytest.raises(ModelError, match="a model in FP32"):
        engine_from_onnx(onnx, tmp_path / "a.engine", opened("8.2.1.8"), FP16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (EngineOptions("int4"), "a precision among fp32, fp16, int8"),
        (EngineOptions(workspace_mib=0), "at least 1 MiB"),
        (EngineOptions(compute_capabilities=("8.6",)), "with TensorRT-RTX only"),
    ],
)
def test_options_that_cannot_be(options, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        engine_from_onnx(ONNX, tmp_path / "a.engine", opened("8.2.1.8"), options)


@pytest.mark.parametrize("name", ["absent.onnx", "text.onnx"])
def test_a_file_that_is_no_model(name, tmp_path):
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ModelError, match="an ONNX file"):
        engine_from_onnx(tmp_path / name, tmp_path / "a.engine", opened("8.2.1.8"), FP16)


@pytest.mark.parametrize("version", ["8.2.1.8", "10.3.0"])
def test_ctrl_c_leaves_nothing_half_written(version, tmp_path):
    """The monitor of 10 ends the build at its next step; 8.2 is left alone, and forgotten."""
    steps = []

    def interrupt(step):
        steps.append(step)
        if step == 0:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            time.sleep(1)  # for the main thread to hear it, on a busy machine

    flavour = opened(version, Faults(during_build=interrupt))
    with pytest.raises(KeyboardInterrupt):
        engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, FP16)
    for thread in threading.enumerate():
        if thread.name == "edgedet-build":
            thread.join()
    assert not list(tmp_path.glob("*engine*"))
    assert steps == ([0] if version == "10.3.0" else [0, 1, 2, 3])


@pytest.mark.parametrize(
    ("version", "said"),
    [("8.2.1.8", "messages from TensorRT"), ("10.3.0", "% of the steps, about")],
)
def test_a_long_build_gives_signs_of_life(version, said, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(build_watch, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(build_watch, "TICK_S", 0.02)
    caplog.set_level(logging.INFO, "edgedet.engine")
    flavour = opened(version, Faults(during_build=lambda step: time.sleep(0.06)))
    engine_from_onnx(ONNX, tmp_path / "a.engine", flavour, FP16)
    assert said in caplog.text


def test_a_full_disk_keeps_the_old_engine(tmp_path, monkeypatch):
    engine = tmp_path / "a.engine"
    engine_from_onnx(ONNX, engine, opened("8.2.1.8"), FP16)
    before = engine.read_bytes(), sidecar_path(engine).read_bytes()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(engine_file.Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        engine_from_onnx(ONNX, engine, opened("8.4.1.5"), FP32)
    assert (engine.read_bytes(), sidecar_path(engine).read_bytes()) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.engine",
        "a.engine.json",
        "cache",
    ]


def spoil(engine, how):
    sidecar = sidecar_path(engine)
    content = engine.read_bytes()
    if how == "truncated":
        engine.write_bytes(content[: len(content) // 2])
    elif how == "bit-flipped":
        engine.write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
    elif how == "engine missing":
        engine.unlink()
    elif how == "sidecar missing":
        sidecar.unlink()
    elif how == "sidecar edited":
        sidecar.write_text(sidecar.read_text().replace("5.3", "8.6"))
    elif how == "sidecar truncated":
        sidecar.write_text(sidecar.read_text()[:50])
    elif how == "sidecar of another kind":
        sidecar.write_text("[1, 2]")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("truncated", "with SHA-256 .* build it again: python3 -m edgedet.runtime.build_engine"),
        ("bit-flipped", "with SHA-256"),
        ("engine missing", "no such file"),
        ("sidecar missing", "the sidecar of an engine"),
        ("sidecar edited", "a sidecar as it was written"),
        ("sidecar truncated", "JSON in"),
        ("sidecar of another kind", "without its hash"),
    ],
)
def test_a_spoilt_engine_is_refused(how, message, tmp_path):
    engine = tmp_path / "a.engine"
    engine_from_onnx(ONNX, engine, opened("8.2.1.8"), FP16)
    spoil(engine, how)
    with pytest.raises(ModelError, match=message):
        read_engine_facts(engine)


@pytest.mark.parametrize(
    ("version", "gpu", "here"),
    [
        ("8.2.1.8", Gpu("NVIDIA Tegra X2", "6.2"), "NVIDIA Tegra X2 (compute capability 6.2)"),
        ("8.4.1.5", NANO, "TensorRT 8.4.1.5 on NVIDIA Tegra X1"),
        ("8.2.1.8", None, "a machine without a GPU"),
    ],
)
def test_a_foreign_engine_is_refused_with_both_sides_named(version, gpu, here, tmp_path):
    engine = tmp_path / "a.engine"
    facts = engine_from_onnx(ONNX, engine, opened("8.2.1.8"), FP16)
    require_fit(engine, facts, "8.2.1.8", NANO)
    with pytest.raises(DeviceError) as caught:
        require_fit(engine, facts, version, gpu)
    message = str(caught.value)
    assert "TensorRT 8.2.1.8 on NVIDIA Tegra X1 (compute capability 5.3)" in message
    assert here in message
    assert "build_engine tiny_convolution.onnx --precision fp16" in message


def test_the_command_on_the_device(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(build_engine, "open_flavour", lambda name: opened("8.2.1.8"))
    engine = tmp_path / "model.engine"
    words = [str(ONNX), "--out", str(engine), "--precision", "fp32", "--workspace", "32"]
    assert build_engine.main(words) == 0
    assert capsys.readouterr().out == "{}\n".format(engine)
    assert read_engine_facts(engine).workspace_mib == 32
    assert build_engine.main([str(tmp_path / "absent.onnx")]) == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: expected an ONNX file")


def test_the_command_without_tensorrt(monkeypatch, capsys):
    monkeypatch.setitem(build_engine.sys.modules, "tensorrt", None)
    assert build_engine.main([str(ONNX)]) == 5
    assert "JetPack" in capsys.readouterr().err
