"""Real builds with TensorRT-RTX, which needs no GPU: every detector, and what goes wrong."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
import time
from functools import cache
from pathlib import Path

import onnx
import pytest
import torch
from onnx import helper
from test_half import chain

from edgedet.export.from_torch import graph_from_torch
from edgedet.export.half import half_precision
from edgedet.export.onnx_file import save_onnx
from edgedet.export.uint8_input import with_uint8_input
from edgedet.models.registry import MODELS, build_model
from edgedet.runtime import build_watch, engine_cache
from edgedet.runtime.engine_builder import engine_from_onnx
from edgedet.runtime.engine_file import read_engine_facts, require_fit
from edgedet.runtime.engine_options import EngineOptions
from edgedet.runtime.errors import DeviceError, ModelError, UsageError
from edgedet.runtime.gpu_identity import Gpu
from edgedet.runtime.tensorrt_flavour import Capabilities, Flavour, open_flavour

pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is not installed: edgedet[rtx]")

IMGSZ = {"multiscale_shapes": 224, "ssdlite_mobilenetv3": 128}
LARGE = ("retinanet_r50_fpn",)
REFUSED = ("faster_rcnn_r50_fpn", "faster_rcnn_r101_fpn")
BUILT = [
    pytest.param(name, marks=pytest.mark.slow if name in LARGE else ())
    for name in MODELS
    if name not in REFUSED
]
AMPERE = ("8.6",)
FP32, FP16 = EngineOptions("fp32", AMPERE), EngineOptions("fp16", AMPERE)


@pytest.fixture(autouse=True)
def _a_cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def rtx() -> Flavour:
    return open_flavour("tensorrt_rtx")


@cache
def graph_of(name: str) -> onnx.ModelProto:
    torch.manual_seed(0)
    model = build_model(name, ("a", "b", "c"), {"imgsz": IMGSZ.get(name, 256)})
    assert isinstance(model, torch.nn.Module)
    return with_uint8_input(graph_from_torch(model.eval()))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    save_onnx(chain(2.0), tmp_path / "small.onnx")
    return tmp_path / "small.onnx"


def test_what_it_can(rtx: Flavour) -> None:
    assert rtx.can == Capabilities(
        explicit_batch_flag=False,
        weakly_typed=False,
        layer_precision=False,
        workspace_pool=True,
        progress=True,
        compute_targets=True,
        uint8=True,
        timing_cache=False,
        library_tactics=False,
        tensor_api=True,
        runtime_cache=True,
        replays_graphs=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILT)
def test_every_detector_builds_in_both_precisions(name: str, rtx: Flavour, tmp_path: Path) -> None:
    model = graph_of(name)
    save_onnx(model, tmp_path / "model.onnx")
    save_onnx(half_precision(model), tmp_path / "half.onnx")
    fp32 = engine_from_onnx(tmp_path / "model.onnx", tmp_path / "32.engine", rtx, FP32)
    fp16 = engine_from_onnx(tmp_path / "half.onnx", tmp_path / "16.engine", rtx, FP16)
    assert (fp32.precision_used, fp32.layers_fp16) == ("fp32", 0)
    assert (fp16.precision_used, fp16.layers_fp32) == ("fp16", 0)
    assert fp16.inputs == fp32.inputs
    assert fp16.outputs == fp32.outputs
    assert [row["dtype"] for row in fp16.inputs] == ["uint8"]
    assert [row["dtype"] for row in fp16.outputs] == ["float32", "float32", "int64"]
    assert fp16.plan_bytes < fp32.plan_bytes


def test_builds_are_deterministic_and_the_second_is_kept(
    small: Path, rtx: Flavour, tmp_path: Path
) -> None:
    first = engine_from_onnx(small, tmp_path / "a.engine", rtx, FP32)
    kept = engine_from_onnx(small, tmp_path / "b.engine", rtx, FP32)
    again = engine_from_onnx(small, tmp_path / "b.engine", rtx, FP32, force=True)
    assert kept == first
    assert again.plan_sha256 == first.plan_sha256
    assert again.build_seconds != first.build_seconds
    assert (tmp_path / "a.engine").read_bytes()[:4] == b"vtrt"  # a plan without a header of ours


def test_one_engine_for_several_gpus(small: Path, rtx: Flavour, tmp_path: Path) -> None:
    targets = ("8.0", "8.6", "8.9", "12.0")
    engine = tmp_path / "a.engine"
    facts = engine_from_onnx(small, engine, rtx, EngineOptions("fp32", targets))
    assert facts.compute_capabilities == targets
    assert facts.gpu_name is None
    require_fit(engine, facts, rtx.version, Gpu("NVIDIA GeForce RTX 4090", "8.9"))
    with pytest.raises(DeviceError) as caught:
        require_fit(engine, facts, rtx.version, Gpu("NVIDIA GeForce RTX 2060", "7.5"))
    assert "on compute capability 8.0, 8.6, 8.9, 12.0, for which" in str(caught.value)
    assert "NVIDIA GeForce RTX 2060 (compute capability 7.5)" in str(caught.value)
    assert "--flavour tensorrt_rtx --compute-capability 8.0" in str(caught.value)


def test_fp16_is_never_fp32_without_a_word(small: Path, rtx: Flavour, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="a graph in FP16: .* layers: 2 in FP32, 0 in FP16"):
        engine_from_onnx(small, tmp_path / "a.engine", rtx, FP16)
    save_onnx(half_precision(chain(2.0)), small)
    with pytest.raises(ModelError, match="a graph in FP32: .* layers: 0 in FP32, 2 in FP16"):
        engine_from_onnx(small, tmp_path / "a.engine", rtx, FP32)
    assert not list(tmp_path.glob("*.engine*"))


def test_a_refused_node_is_named(small: Path, rtx: Flavour, tmp_path: Path) -> None:
    model = chain(2.0)
    node = helper.make_node("NonZero", ["turned"], ["places"], name="/head/Places")
    model.graph.node.insert(5, node)
    model.graph.output.append(helper.make_tensor_value_info("places", 7, [3, None]))
    save_onnx(model, small)
    with pytest.raises(ModelError, match="a graph that TensorRT-RTX .* NonZero /head/Places: "):
        engine_from_onnx(small, tmp_path / "a.engine", rtx, FP32)


def test_the_cause_of_a_failed_build_is_told(small: Path, rtx: Flavour, tmp_path: Path) -> None:
    model = chain(2.0)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    save_onnx(model, small)
    with pytest.raises(ModelError, match="no optimization profile"):
        engine_from_onnx(small, tmp_path / "a.engine", rtx, FP32)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ((), "compute capabilities to build for"),
        (("6.1",), "knows, found 6.1"),
        (("86",), "written as 8.6, found '86'"),
        (("1.20",), "written as 8.6, found '1.20'"),
    ],
)
def test_gpus_that_cannot_be(
    targets: tuple[str, ...], message: str, small: Path, rtx: Flavour, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        engine_from_onnx(small, tmp_path / "a.engine", rtx, EngineOptions("fp32", targets))


@pytest.mark.parametrize("text", ["no spec", "[1]", "[" * 100_000, "{}"])
def test_a_spec_that_is_none_is_told_before_the_build(
    text: str, small: Path, rtx: Flavour, tmp_path: Path
) -> None:
    model = chain(2.0)
    del model.metadata_props[:]
    model.metadata_props.add(key="edgedet.spec", value=text)
    save_onnx(model, small)
    with pytest.raises(ModelError, match="model spec"):
        engine_from_onnx(small, tmp_path / "a.engine", rtx, FP32)


def test_weights_in_a_file_of_their_own_are_part_of_the_model(rtx: Flavour, tmp_path: Path) -> None:
    """Changed weights are another engine, though the .onnx file is the same."""
    path, weights = tmp_path / "model.onnx", tmp_path / "weights.bin"
    where = {"save_as_external_data": True, "location": weights.name, "size_threshold": 0}
    onnx.save_model(chain(2.0), str(path), **where)
    first = engine_from_onnx(path, tmp_path / "a.engine", rtx, FP32)
    changed = bytearray(weights.read_bytes())
    changed[3] ^= 1
    weights.write_bytes(bytes(changed))
    second = engine_from_onnx(path, tmp_path / "b.engine", rtx, FP32)
    assert second.onnx_sha256 == first.onnx_sha256
    assert second.plan_sha256 != first.plan_sha256
    assert second.key != first.key
    weights.unlink()
    with pytest.raises(ModelError, match="the weights of .* beside it, found 'weights.bin'"):
        engine_from_onnx(path, tmp_path / "b.engine", rtx, FP32)


def test_a_name_that_is_no_text(small: Path, rtx: Flavour, tmp_path: Path) -> None:
    """Of another language; or beyond ASCII, in a C locale of Python 3.6."""
    named = tmp_path / os.fsdecode(b"mod\xe8le.onnx")
    small.rename(named)
    facts = engine_from_onnx(named, tmp_path / "a.engine", rtx, FP32)
    assert facts.onnx_file == "mod\ufffdle.onnx"


def test_ctrl_c_ends_a_real_build(
    rtx: Flavour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The monitor is told no at the next step; nothing is written, and nothing runs on."""
    save_onnx(graph_of("multiscale_shapes"), tmp_path / "model.onnx")
    start = build_watch.BuildWatch.phase_start
    interrupted: list[str] = []

    def interrupt(self: build_watch.BuildWatch, name: str, parent: str | None, steps: int) -> None:
        start(self, name, parent, steps)
        if parent is None and not interrupted:
            interrupted.append(name)
            main = threading.main_thread().ident
            assert main is not None
            signal.pthread_kill(main, signal.SIGINT)
            for _ in range(100):
                if self.cancelled:
                    return
                time.sleep(0.05)

    monkeypatch.setattr(build_watch.BuildWatch, "phase_start", interrupt)
    with pytest.raises(KeyboardInterrupt):
        engine_from_onnx(tmp_path / "model.onnx", tmp_path / "a.engine", rtx, FP32)
    for thread in threading.enumerate():
        if thread.name == "edgedet-build":
            thread.join(1)  # its last line
            assert not thread.is_alive()
    assert not list(tmp_path.glob("*.engine*"))
    assert "BuildCancel" in rtx.log.cause() or "cancel" in rtx.log.cause().lower()


def test_a_build_says_how_far_it_is(
    rtx: Flavour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(build_watch, "HEARTBEAT_S", 0.01)
    monkeypatch.setattr(build_watch, "TICK_S", 0.005)
    caplog.set_level(logging.INFO, "edgedet.engine")
    save_onnx(graph_of("multiscale_shapes"), tmp_path / "model.onnx")
    engine_from_onnx(tmp_path / "model.onnx", tmp_path / "a.engine", rtx, FP32)
    assert "% of the steps, about" in caplog.text


def test_the_sidecar_has_the_spec(small: Path, rtx: Flavour, tmp_path: Path) -> None:
    engine_from_onnx(small, tmp_path / "a.engine", rtx, FP32)
    facts = read_engine_facts(tmp_path / "a.engine")
    assert facts.spec is not None
    assert facts.spec["size_hw"] == [2, 2]
    assert facts.precision_source == "network"
    assert json.loads((tmp_path / "a.engine.json").read_text())["onnx_file"] == "small.onnx"
