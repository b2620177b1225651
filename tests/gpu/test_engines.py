"""Engines on a real GPU: built, loaded and compared with ONNX Runtime on the CPU.

What may differ is stated in `bounds_of`. The models are untrained, but their scores and boxes
follow the image: convolutions drawn wide, batch norms set to what they see.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from numpy.typing import NDArray

from edgedet.runtime import engine_builder
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.backend_tensorrt import TensorRtBackend
from edgedet.runtime.bench import measure
from edgedet.runtime.candidates import Candidates, candidates_of
from edgedet.runtime.checksum import sha256_of_bytes
from edgedet.runtime.cuda_memory import Cuda, NoGpuError, open_cuda
from edgedet.runtime.detector import Detector, open_detector
from edgedet.runtime.engine_builder import engine_from_onnx
from edgedet.runtime.engine_file import read_engine_facts, write_engine
from edgedet.runtime.engine_options import EngineOptions
from edgedet.runtime.errors import DeviceError, ModelError
from edgedet.runtime.gpu_identity import Gpu
from edgedet.runtime.int8_gate import found_again, holds
from edgedet.runtime.layer_precisions import shares_of_plan
from edgedet.runtime.model_reference import MOST_CANDIDATES
from edgedet.runtime.preprocess import preprocess
from edgedet.runtime.tensorrt_flavour import Flavour

torch = pytest.importorskip("torch", reason="the models are made with PyTorch: edgedet[train]")

from edgedet.calibration.bias_correction import channel_means  # noqa: E402
from edgedet.calibration.calibrated import Calibrated  # noqa: E402
from edgedet.calibration.collection import collect  # noqa: E402
from edgedet.calibration.engine_scales import engine_scales  # noqa: E402
from edgedet.calibration.key import calibration_key  # noqa: E402
from edgedet.calibration.scales_file import scales_by, write_scales  # noqa: E402
from edgedet.export.from_torch import graph_from_torch  # noqa: E402
from edgedet.export.half_proof import proven_half, require_agreement  # noqa: E402
from edgedet.export.metadata import read_spec  # noqa: E402
from edgedet.export.onnx_file import load_onnx, save_onnx  # noqa: E402
from edgedet.export.parity import FP32_BOUNDS, compare_backends  # noqa: E402
from edgedet.export.parity_images import parity_images  # noqa: E402
from edgedet.export.uint8_input import with_uint8_input  # noqa: E402
from edgedet.models.registry import build_model  # noqa: E402
from edgedet.runtime.candidate_match import FP16_BOUNDS, Bounds  # noqa: E402

pytestmark = pytest.mark.gpu

MODELS = {"multiscale_shapes": 224, "scale_aware_ssd": 256}
PRECISIONS = ("fp32", "fp16")
LEAK_BYTES = 32 << 20
"""Of GPU memory that may be missing after twenty engines came and went."""

Build = Callable[..., Path]


def bounds_of(precision: str, gpu: Gpu) -> Bounds:
    """What may differ from ONNX Runtime's FP32, but for half a percent of the candidates.

    From Ampere on TensorRT computes FP32 in TF32, whose mantissa is that of FP16: 10 bits.
    """
    exact = precision == "fp32" and float(gpu.compute_capability) < 8.0
    return FP32_BOUNDS if exact else FP16_BOUNDS


def frames_of(side: int) -> list[NDArray[np.uint8]]:
    return parity_images((side, side))


@cache
def lively(name: str) -> torch.nn.Module:
    """The model with random weights under which its answers depend on the image."""
    torch.manual_seed(0)
    model = build_model(name, ("a", "b", "c"), {"imgsz": MODELS[name]})
    assert isinstance(model, torch.nn.Module)
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the mean of all that is seen
    seen = [preprocess(frame, model.spec)[0] for frame in parity_images((256, 256), seed=1)]
    with torch.no_grad():
        model.train().predict(torch.from_numpy(np.stack(seen)))
    return model.eval()


@pytest.fixture(params=sorted(MODELS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=PRECISIONS)
def precision(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def onnx_of(flavour: Flavour, tmp_path: Path) -> Callable[[str], Path]:
    """Writes a model in the form that the flavour takes; FP32."""

    def write(name: str) -> Path:
        path = tmp_path / f"{name}.onnx"
        if not path.exists():
            graph = graph_from_torch(lively(name))
            save_onnx(with_uint8_input(graph) if flavour.can.uint8 else graph, path)
        return path

    return write


@pytest.fixture
def options(flavour: Flavour, gpu: Gpu) -> Callable[[str], EngineOptions]:
    targets = (gpu.compute_capability,) if flavour.can.compute_targets else ()
    return lambda precision: EngineOptions(precision, targets)


@pytest.fixture
def build(
    flavour: Flavour, tmp_path: Path, onnx_of: Callable[[str], Path], options: Callable[..., object]
) -> Build:
    """Builds an engine; FP16 as `edgedet export --trt` does it for that flavour."""

    def built(name: str, precision: str, suffix: str = "") -> Path:
        source = onnx_of(name)
        if precision == "fp16" and not flavour.can.weakly_typed:
            half = proven_half(source, lambda: frames_of(MODELS[name]))
            source = source.with_name(f"{name}.fp16.onnx")
            save_onnx(half.graph, source)
        engine = tmp_path / f"{name}.{precision}{suffix}.engine"
        engine_from_onnx(source, engine, flavour, options(precision))
        return engine

    return built


@pytest.fixture
def int8_of(
    flavour: Flavour, tmp_path: Path, onnx_of: Callable[[str], Path], options: Callable[..., object]
) -> Callable[[str], tuple[Path, Path]]:
    """Builds an INT8 engine of what the flavour takes; returns it and the graph with Q/DQ."""

    def built(name: str) -> tuple[Path, Path]:
        source = onnx_of(name)
        model = load_onnx(source)
        spec = read_spec(model)
        batches = [preprocess(frame, spec)[0][None] for frame in frames_of(MODELS[name])]
        key = calibration_key(source, [], spec, "percentile")
        means = channel_means(model, batches)
        calibrated = Calibrated(model, scales_by(collect(model, batches), key), means)
        graph, scales = tmp_path / f"{name}.int8.onnx", tmp_path / "scales.json"
        save_onnx(calibrated.quantised("tensorrt"), graph)
        write_scales(scales, engine_scales(model, calibrated.scales, means=means))
        engine = tmp_path / f"{name}.int8.engine"
        if flavour.can.weakly_typed:
            engine_from_onnx(source, engine, flavour, options("int8"), scales=scales)
        else:
            engine_from_onnx(graph, engine, flavour, options("int8"))
        return engine, graph

    return built


def test_int8_finds_what_its_graph_with_q_dq_finds(
    int8_of: Callable[[str], tuple[Path, Path]], gpu: Gpu
) -> None:
    engine, graph = int8_of("scale_aware_ssd")
    facts = read_engine_facts(engine)
    assert (facts.precision_used, facts.layers_int8 > 0) == ("int8", True)
    assert (facts.quantised or {}).get("without_range", []) == []
    frames = frames_of(MODELS["scale_aware_ssd"])
    with OnnxRuntimeBackend(graph) as exact, TensorRtBackend(engine) as backend:
        reference = [
            Candidates(*(part[:MOST_CANDIDATES].copy() for part in found))
            for found in candidates_of(exact, frames)
        ]
        gate = found_again(reference, candidates_of(backend, frames))
    assert holds(gate), gate


def test_an_engine_says_what_onnxruntime_says(
    name: str, precision: str, build: Build, onnx_of: Callable[[str], Path], gpu: Gpu
) -> None:
    with (
        OnnxRuntimeBackend(onnx_of(name)) as reference,
        TensorRtBackend(build(name, precision)) as backend,
    ):
        frames = frames_of(MODELS[name])
        parity = compare_backends(reference, backend, frames, bounds_of(precision, gpu))
    assert parity.matched > 0.9 * parity.candidates
    require_agreement(parity)


def test_the_precision_is_the_one_that_was_asked(
    precision: str, build: Build, flavour: Flavour
) -> None:
    """Read from the loaded engine, also where the sidecar has it from the graph."""
    engine = build("scale_aware_ssd", precision)
    facts = read_engine_facts(engine)
    assert facts.precision_used == precision
    shares = shares_of_plan(flavour, engine.read_bytes())
    if shares.used is None:
        pytest.skip(f"the inspector of {flavour.title} tells no types ({shares.source})")
    assert shares.satisfies(precision), shares


def test_detections_are_those_of_onnxruntime(
    build: Build, onnx_of: Callable[[str], Path], gpu: Gpu
) -> None:
    name = "multiscale_shapes"
    engine = build(name, "fp32")
    with (
        open_detector(onnx_of(name), conf=0.7) as reference,
        open_detector(engine, conf=0.7) as detector,
    ):
        for frame in frames_of(MODELS[name]):
            expected, found = reference(frame), detector(frame)
            assert abs(len(expected) - len(found)) <= 0.02 * len(expected) + 1
            assert found.scores[0] == pytest.approx(expected.scores[0], abs=0.02)


def test_a_stream_gives_what_one_by_one_gives(build: Build) -> None:
    frames = frames_of(MODELS["multiscale_shapes"])
    with open_detector(build("multiscale_shapes", "fp16")) as detector:
        assert list(detector.stream(frames)) == [detector(frame) for frame in frames]


def test_a_cuda_graph_changes_nothing(
    build: Build,
    flavour: Flavour,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if flavour.can.runtime_cache:
        pytest.skip(f"{flavour.title} captures graphs by itself")
    engine, frames = build("scale_aware_ssd", "fp16"), frames_of(MODELS["scale_aware_ssd"])
    caplog.set_level(logging.INFO, "edgedet.engine")
    with open_detector(engine) as detector:
        replayed = [detector(frame) for frame in frames]
    assert "without a CUDA graph" not in caplog.text
    monkeypatch.setattr(Cuda, "can_capture", property(lambda cuda: False))
    with open_detector(engine) as detector:
        assert [detector(frame) for frame in frames] == replayed


def test_the_network_alone_is_no_slower_than_the_whole_call(build: Build) -> None:
    side = MODELS["scale_aware_ssd"]
    with open_detector(build("scale_aware_ssd", "fp16")) as detector:
        speeds = measure(detector, frames_of(side), warmup=20, iterations=200)
    assert speeds["network_only"]["median_ms"] <= 1.1 * speeds["engine_call"]["median_ms"]
    assert speeds["engine_call"]["median_ms"] < speeds["frame_to_result"]["median_ms"]
    assert speeds["power"] is not None, speeds["power_missing"]


@pytest.mark.parametrize("binding", ["pycuda", "cuda-python", "ctypes"])
def test_every_cuda_binding_runs_engines(
    binding: str, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = frames_of(MODELS["multiscale_shapes"])
    engine = build("multiscale_shapes", "fp32")
    with open_detector(engine) as detector:
        expected = [detector(frame) for frame in frames]
    monkeypatch.setenv("EDGEDET_CUDA", binding)
    try:
        open_cuda().close()
    except NoGpuError as error:
        pytest.skip(str(error))
    with open_detector(engine) as detector:
        assert [detector(frame) for frame in frames] == expected


def test_the_second_start_builds_nothing(
    build: Build, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    first = build("scale_aware_ssd", "fp16")
    with open_detector(first):
        pass

    def refused(*_: object) -> None:
        raise AssertionError("an engine that was built before is built again")

    monkeypatch.setattr(engine_builder, "_build", refused)
    kept = {path: path.stat().st_mtime_ns for path in own_cache.glob("*.kernels")}
    second = build("scale_aware_ssd", "fp16", "2")
    assert second.read_bytes() == first.read_bytes()
    with open_detector(second):
        pass
    assert {path: path.stat().st_mtime_ns for path in own_cache.glob("*.kernels")} == kept


def test_kernels_are_kept_beside_the_engines(
    build: Build, flavour: Flavour, own_cache: Path
) -> None:
    if not flavour.can.runtime_cache:
        pytest.skip(f"{flavour.title} has its kernels in the plan")
    with open_detector(build("multiscale_shapes", "fp32")):
        pass
    assert len(list(own_cache.glob("*.kernels"))) == 1


def test_a_plan_that_tensorrt_refuses_is_told(build: Build, tmp_path: Path) -> None:
    """Half a plan with a sidecar that fits: only TensorRT can find out."""
    engine = build("multiscale_shapes", "fp32")
    facts, plan = read_engine_facts(engine), engine.read_bytes()
    half, beginning = tmp_path / "half.engine", plan[: len(plan) // 2]
    write_engine(half, beginning, facts._replace(plan_sha256=sha256_of_bytes(beginning)))
    with pytest.raises(ModelError, match="to load .*build it again here"):
        open_detector(half)


def test_an_engine_of_another_gpu_is_not_loaded(build: Build, tmp_path: Path) -> None:
    engine = build("multiscale_shapes", "fp32")
    facts = read_engine_facts(engine)
    foreign = tmp_path / "foreign.engine"
    changed = facts._replace(gpu_name="NVIDIA Tegra X1", compute_capabilities=("5.3",))
    write_engine(foreign, engine.read_bytes(), changed)
    with pytest.raises(DeviceError, match="NVIDIA Tegra X1"):
        open_detector(foreign)


def test_twenty_engines_come_and_go(build: Build) -> None:
    engine = build("scale_aware_ssd", "fp16")
    with open_cuda() as cuda:
        open_detector(engine).close()
        before, _ = cuda.memory_free_total()
        for _ in range(20):
            open_detector(engine).close()
        after, _ = cuda.memory_free_total()
    assert before - after < LEAK_BYTES


def test_two_detectors_in_two_threads(build: Build) -> None:
    frames = frames_of(MODELS["multiscale_shapes"])
    engines = [build("multiscale_shapes", precision) for precision in PRECISIONS]
    alone = []
    for engine in engines:
        with open_detector(engine) as detector:
            alone.append([detector(frame) for frame in frames])
    found: dict[int, list[object]] = {}

    def work(number: int, detector: Detector) -> None:
        found[number] = [[detector(frame) for frame in frames] for _ in range(20)]

    detectors = [open_detector(engine) for engine in engines]
    threads = [Thread(target=work, args=pair) for pair in enumerate(detectors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for detector in detectors:
        detector.close()
    assert all(answers == [alone[number]] * 20 for number, answers in found.items())
    assert len(found) == 2


def test_the_sidecar_tells_this_machine(build: Build, gpu: Gpu, flavour: Flavour) -> None:
    engine = build("multiscale_shapes", "fp32")
    values = json.loads(engine.with_name(engine.name + ".json").read_text())
    assert gpu.compute_capability in values["compute_capabilities"]
    assert values["version"] == flavour.version
