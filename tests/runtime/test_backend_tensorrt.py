"""Engines of every TensorRT, on fakes that keep to the contract, find what ONNX Runtime does."""

import json
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2")
pytest.importorskip("onnxruntime")

from engine_machine import FLAVOURS, ONNX, EngineMachine, pictures
from fake_cuda import fake_cuda, fake_library

import edgedet.runtime
from edgedet.runtime import DeviceError, ModelError, engine_cache, open_detector
from edgedet.runtime.backend_tensorrt import TensorRtBackend
from edgedet.runtime.cuda_memory import NoGpuError, open_cuda
from edgedet.runtime.engine_file import read_engine_facts, write_engine
from edgedet.runtime.engine_tensors import engine_tensor
from edgedet.runtime.gpu_identity import Gpu
from edgedet.runtime.loaded_engine import LoadedEngine

ALL = {"conf": 0.0, "iou": 1.0}
MAKING = [
    "cuMemAlloc",
    "cuMemHostAlloc",
    "cuStreamCreate",
    "cuEventCreate",
    "cuGraphInstantiate",
    "cuDevicePrimaryCtxRetain",
]


@pytest.fixture
def gpu():
    with fake_cuda() as driver:
        yield driver


@pytest.fixture(params=FLAVOURS)
def machine(request, gpu, tmp_path, monkeypatch):
    return EngineMachine(request.param, gpu, tmp_path, monkeypatch)


@pytest.fixture
def rtx(gpu, tmp_path, monkeypatch):
    return EngineMachine(FLAVOURS[-1], gpu, tmp_path, monkeypatch)


@pytest.fixture
def nano(gpu, tmp_path, monkeypatch):
    return EngineMachine("8.2.1.8", gpu, tmp_path, monkeypatch)


@pytest.fixture
def orin(gpu, tmp_path, monkeypatch):
    return EngineMachine("10.3.0", gpu, tmp_path, monkeypatch)


def expected(frames):
    with open_detector(ONNX, **ALL) as detector:
        return [detector(frame) for frame in frames]


def test_an_engine_finds_what_onnx_runtime_finds(machine):
    frames = pictures()
    with open_detector(machine.engine, **ALL) as detector:
        found = [detector(frame) for frame in frames]
        assert detector.batch(frames) == found
        assert list(detector.stream(iter(frames))) == found
    assert found == expected(frames)
    assert all(len(detections) == 4 for detections in found)
    machine.require_clean()


def test_an_engine_without_a_graph_finds_the_same(machine):
    machine.faults.not_capturable = True
    frames = pictures()
    with open_detector(machine.engine, **ALL) as detector:
        assert machine.flavour.log.cause() == "no reason given"  # for an error of a later run
        assert [detector(frame) for frame in frames] == expected(frames)
    machine.require_clean()


def test_runs_are_replayed_as_one_graph(machine):
    with open_detector(machine.engine) as detector:
        launches, runs = machine.gpu.calls("cuGraphLaunch"), machine.trt.seen.runs
        for frame in pictures(4):
            detector(frame)
        replayed = machine.gpu.calls("cuGraphLaunch") - launches
        assert machine.trt.seen.runs - runs == 4
    assert replayed == (0 if machine.is_rtx else 4)  # TensorRT-RTX does it by itself


def test_a_context_keeps_its_addresses(machine):
    """NVIDIA: a context for each graph; TensorRT-RTX records anew when an address changes."""
    with open_detector(machine.engine) as detector:
        list(detector.stream(pictures()))
        detector(pictures(1)[0])
        assert sum(1 for kind in machine.trt.seen.alive if kind == "context") == 2
    assert machine.trt.seen.changed_contexts == 0
    machine.require_clean()


def test_the_calls_are_those_of_the_version(machine):
    names = {"8.2.1.8": "BindingExecution", "8.4.1.5": "BindingExecution"}
    backend = TensorRtBackend(machine.engine)
    execution = type(backend._session._executions[0]).__name__
    backend.close()
    assert execution == names.get(machine.trt.__version__, "TensorExecution")


def test_nothing_is_allocated_for_a_frame(machine):
    with open_detector(machine.engine) as detector:
        made, live = [machine.gpu.calls(name) for name in MAKING], machine.gpu.live()
        for frame in pictures(20):
            detector(frame)
        for _ in detector.stream(pictures(20)):
            pass
        assert [machine.gpu.calls(name) for name in MAKING] == made
        assert machine.gpu.live() == live


def test_frames_are_read_while_the_engine_runs(machine):
    read = []

    def source():
        for frame in pictures(3):
            read.append(machine.trt.seen.runs)
            yield frame

    with open_detector(machine.engine, **ALL) as detector:
        at_start = machine.trt.seen.runs
        stream = detector.stream(source())
        first = next(stream)
        # Launched, and computed by the fake when somebody waits: the second frame came before.
        assert read == [at_start, at_start]
        assert [first, *stream] == expected(pictures(3))


def test_a_stream_that_is_left_early_leaves_nothing_behind(machine):
    frames = pictures()
    with open_detector(machine.engine, **ALL) as detector:
        for _ in detector.stream(frames):
            break
        assert [detector(frame) for frame in frames] == expected(frames)
        stream = detector.stream(frames)
        next(stream)
        with pytest.raises(ValueError, match="a run under way"):
            detector(frames[0])
        stream.close()
        detector(frames[0])
    machine.require_clean()


def test_a_source_that_fails_leaves_nothing_behind(orin):
    def source():
        yield pictures(1)[0]
        raise OSError("camera unplugged")

    with open_detector(orin.engine) as detector:
        with pytest.raises(OSError, match="unplugged"):
            list(detector.stream(source()))
        detector(pictures(1)[0])
    orin.require_clean()


def test_a_jetson_copies_nothing(gpu, tmp_path, monkeypatch):
    gpu.device("NVIDIA Tegra X1", (5, 3), integrated=True)
    nano = EngineMachine("8.2.1.8", gpu, tmp_path, monkeypatch)
    frames = pictures()
    with open_detector(nano.engine, **ALL) as detector:
        assert [detector(frame) for frame in frames] == expected(frames)
        assert list(detector.stream(frames)) == expected(frames)
    assert gpu.calls("cuMemcpyHtoDAsync") == gpu.calls("cuMemcpyDtoHAsync") == 0
    nano.require_clean()


def test_several_detectors_in_one_process(machine):
    frames = pictures()
    first, second = (open_detector(machine.engine, **ALL) for _ in range(2))
    for frame, found in zip(frames, expected(frames)):
        assert first(frame) == second(frame) == found
    first.close()
    assert [second(frame) for frame in frames] == expected(frames)
    second.close()
    second.close()
    machine.require_clean()


def test_another_thread_than_the_one_that_opened_it(machine):
    frames, found = pictures(), []
    detector = open_detector(machine.engine, **ALL)

    def work():
        found.extend(detector(frame) for frame in frames)
        detector.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == expected(frames)
    machine.require_clean()


def test_everything_goes_in_the_order_that_tensorrt_wants(machine):
    backend = TensorRtBackend(machine.engine)
    before = machine.gpu.calls()
    backend.close()
    assert machine.trt.seen.ended == ["context", "context", "engine", "runtime"]
    freed = [name for name in machine.gpu.names()[before:] if "Free" in name or "Release" in name]
    assert freed[:4] == ["cuMemFree"] * 4  # TensorRT's own memory
    assert "cuMemFreeHost" in freed[4:]
    assert freed[-1] == "cuDevicePrimaryCtxRelease"
    machine.require_clean()


def test_a_forgotten_detector_is_closed(machine):
    detector = open_detector(machine.engine)
    detector(pictures(1)[0])
    del detector
    machine.require_clean()


def test_results_outlive_the_backend_and_inputs_do_not(orin):
    backend = TensorRtBackend(orin.engine)
    outputs = backend.infer(np.zeros((1, 3, 16, 16), np.float32))
    kept = [output.copy() for output in outputs]
    backend.close()
    for output, copy in zip(outputs, kept):
        np.testing.assert_array_equal(output, copy)
    assert [output.dtype for output in outputs] == [np.float32, np.float32, np.int64]
    assert backend.inputs == ()


@pytest.mark.parametrize("close", ["close", "backend.close"])
def test_a_closed_detector_says_so(close, orin):
    frames = pictures(4)
    for halfway in (False, True):
        detector = open_detector(orin.engine)
        stream = detector.stream(frames)
        if halfway:
            next(stream)
        owner = detector.backend if close == "backend.close" else detector
        owner.close()
        with pytest.raises(ValueError, match="closed"):
            list(stream)
        for use in (detector, detector.preprocess):
            with pytest.raises(ValueError, match="closed"):
                use(frames[0])
    orin.require_clean()


def test_what_is_written_to_the_inputs_is_what_runs(orin):
    rng = np.random.RandomState(0)
    with TensorRtBackend(orin.engine) as backend:
        batch = rng.rand(1, 3, 16, 16).astype(np.float32)
        expected = [output.copy() for output in backend.infer(batch)]
        backend.inputs[0][...] = batch
        for found, output in zip(backend.infer(backend.inputs[0]), expected):
            np.testing.assert_array_equal(found, output)


def test_the_network_alone_runs_on_what_was_given_last(machine):
    with TensorRtBackend(machine.engine) as backend:
        with pytest.raises(ValueError, match="infer before"):
            backend.run_only()
        backend.infer(backend.inputs[0])
        runs, copies = machine.trt.seen.runs, machine.gpu.calls("cuMemcpyHtoDAsync")
        backend.run_only()
        assert machine.trt.seen.runs == runs + 1
        assert machine.gpu.calls("cuMemcpyHtoDAsync") == copies


@pytest.mark.parametrize(
    "batch",
    [np.zeros((1, 3, 16, 16)), np.zeros((2, 3, 16, 16), np.float32), np.zeros((1, 3), np.float32)],
)
def test_another_batch_is_refused(batch, orin):
    with TensorRtBackend(orin.engine) as backend, pytest.raises(ValueError, match="a batch"):
        backend.infer(batch)


def test_a_closed_backend_is_refused(orin):
    backend = TensorRtBackend(orin.engine)
    backend.close()
    with pytest.raises(ValueError, match="closed"):
        backend.infer(np.zeros((1, 3, 16, 16), np.float32))
    with pytest.raises(ValueError, match="closed"):
        backend.upload(0)


# What does not fit


def refused(machine, kind, message):
    with pytest.raises(kind, match=message) as caught:
        open_detector(machine.engine)
    machine.require_clean()
    assert "\n" not in str(caught.value)


def test_an_engine_of_another_gpu(machine):
    machine.gpu.device("NVIDIA GeForce RTX 2080 Ti", (7, 5), integrated=False)
    refused(machine, DeviceError, "compute capability 8.6.*found .*2080 Ti.*build_engine")


def test_an_engine_of_another_version(machine, monkeypatch):
    other = machine.flavour._replace(version="9.9.9")
    monkeypatch.setattr("edgedet.runtime.engine_session.open_flavour", lambda name: other)
    refused(machine, DeviceError, "found TensorRT(-RTX)? 9.9.9.*build_engine")


def test_without_a_gpu(machine, monkeypatch):
    monkeypatch.setattr("edgedet.runtime.gpu_identity.DRIVER", "libnone.so.1")
    refused(machine, NoGpuError, "no NVIDIA driver")


def test_without_the_tensorrt(machine, monkeypatch):
    for name in ("tensorrt", "tensorrt_rtx"):
        monkeypatch.setitem(sys.modules, name, None)
    refused(machine, DeviceError, "JetPack|edgedet.rtx")


@pytest.mark.parametrize(
    ("fault", "said", "kind", "message"),
    [
        ("no_cuda", True, DeviceError, "to start, found CUDA initialization failure"),
        ("not_loadable", "magic tag", ModelError, "to load .*, found magic tag; .*build_engine"),
        (
            "not_loadable",
            "Cuda Runtime (out of memory)",
            DeviceError,
            "out of memory.*; close what",
        ),
        ("context", "no resources", DeviceError, "to prepare .*, found no resources"),
        ("context", "Cuda Runtime (out of memory)", DeviceError, "to prepare .*out of memory"),
        ("run", "Error Code 1: Cask", DeviceError, "to run .*, found Error Code 1: Cask"),
    ],
)
def test_what_tensorrt_refuses_is_told_with_its_cause(fault, said, kind, message, machine):
    setattr(machine.faults, fault, said)
    refused(machine, kind, message)


def test_too_little_memory_is_told_with_numbers(machine):
    machine.gpu.device(
        "NVIDIA GeForce RTX 3090", (8, 6), integrated=False, n_bytes=(1 << 16) + 20000
    )
    refused(machine, DeviceError, "cuMemAlloc|out of memory")


def rewritten(machine, **changes):
    facts = read_engine_facts(machine.engine)
    write_engine(machine.engine, machine.engine.read_bytes(), facts._replace(**changes))


def table(rows, **changes):
    return [dict(row, **changes) for row in rows]


def test_a_dynamic_batch_is_refused(machine):
    facts = read_engine_facts(machine.engine)
    rewritten(machine, inputs=table(facts.inputs, shape=[-1, 3, 16, 16]))
    refused(machine, ModelError, r"fixed shapes.*images float32 \[-1, 3, 16, 16\].*a fixed batch")


def test_an_engine_of_a_foreign_model_is_refused(machine):
    rewritten(machine, spec=None)
    refused(machine, ModelError, "without a spec")


@pytest.mark.parametrize(
    "changes",
    [{"dtype": "float16"}, {"shape": [1, 3, 16, 32]}, {"shape": [2, 3, 16, 16]}],
)
def test_an_input_that_the_spec_contradicts(changes, machine):
    facts = read_engine_facts(machine.engine)
    rewritten(machine, inputs=table(facts.inputs, **changes))
    refused(machine, ModelError, r"float32 \[N, 3, 16, 16\] -> boxes_xyxy .*, found images")


@pytest.mark.parametrize("changes", [{"dtype": "float16"}, {"name": "other"}, {"shape": [1, 4]}])
def test_an_output_that_the_spec_contradicts(changes, machine):
    facts = read_engine_facts(machine.engine)
    outputs = table(facts.outputs[:1], **changes) + facts.outputs[1:]
    rewritten(machine, outputs=outputs)
    refused(machine, ModelError, "expected .* -> boxes_xyxy")


def test_an_engine_that_its_sidecar_contradicts(machine):
    facts = read_engine_facts(machine.engine)
    outputs = facts.outputs[:2] + table(facts.outputs[2:], dtype="int32")
    if outputs == facts.outputs:
        outputs = facts.outputs[:2] + table(facts.outputs[2:], dtype="int64")
    rewritten(machine, outputs=outputs)
    refused(machine, ModelError, "as its sidecar says.*build it again")


# Kernels of TensorRT-RTX


def kernel_files(machine):
    return list((machine.folder / "cache").glob("*.kernels"))


def test_rtx_makes_kernels_once(rtx):
    for _ in range(2):
        with open_detector(rtx.engine, **ALL) as detector:
            assert detector(pictures(1)[0]) == expected(pictures(1))[0]
    assert rtx.trt.seen.kernels_made == 1
    assert len(kernel_files(rtx)) == 1
    graphs = rtx.trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
    assert rtx.trt.seen.configs_used == [graphs, graphs]
    rtx.require_clean()


def test_an_older_rtx_leaves_the_graph_to_us(rtx, monkeypatch):
    older = rtx.flavour._replace(can=rtx.flavour.can._replace(replays_graphs=False))
    monkeypatch.setattr("edgedet.runtime.engine_session.open_flavour", lambda name: older)
    with open_detector(rtx.engine, **ALL) as detector:
        assert [detector(frame) for frame in pictures()] == expected(pictures())
    assert rtx.trt.seen.configs_used == [rtx.trt.CudaGraphStrategy.DISABLED]
    assert rtx.gpu.calls("cuGraphLaunch") == 5
    rtx.require_clean()


def test_kernels_of_another_driver_are_made_anew(rtx):
    open_detector(rtx.engine).close()
    (kept,) = kernel_files(rtx)
    good = kept.read_bytes()
    kept.write_bytes(b"of another driver")
    open_detector(rtx.engine).close()
    assert rtx.trt.seen.kernels_made == 2
    assert kept.read_bytes() == good


def test_kernels_that_cannot_be_kept_cost_a_warning(rtx, monkeypatch, caplog):
    (rtx.folder / "file").touch()
    monkeypatch.setenv("EDGEDET_CACHE", str(rtx.folder / "file"))
    open_detector(rtx.engine).close()
    assert "not kept for the next start" in caplog.text


def test_another_tensorrt_keeps_no_kernels(orin):
    open_detector(orin.engine).close()
    assert kernel_files(orin) == []


# The fake, held to what it promises


@pytest.fixture
def loaded(machine):
    """Execution, addresses of right memory, stream, and a look at what came out."""
    facts = read_engine_facts(machine.engine)
    cuda = open_cuda()
    engine = LoadedEngine(machine.flavour, machine.engine, facts)
    with cuda.current():
        engine.load(Gpu(cuda.device_name, cuda.compute_capability))
        execution = engine.execution()
        addresses = {t.name: cuda.device_buffer(4096).address for t in execution.tensors()}
        yield machine, cuda, execution, addresses
        engine.close()
    with suppress(DeviceError):  # after an illegal address nothing succeeds any more
        cuda.close()


def test_an_address_of_the_host_is_an_error(loaded):
    machine, cuda, execution, addresses = loaded
    host = cuda.host_buffer((4096,), "uint8")
    stream = cuda.stream()
    assert execution.queue(dict(addresses, images=host.address), stream.handle)
    with pytest.raises(DeviceError, match="ILLEGAL_ADDRESS"):
        stream.synchronize()


def test_memory_that_was_freed_is_an_error(loaded):
    machine, cuda, execution, addresses = loaded
    gone, stream = cuda.device_buffer(4096), cuda.stream()
    addresses["scores"] = gone.address
    gone.free()
    assert execution.queue(addresses, stream.handle)
    with pytest.raises(DeviceError, match="ILLEGAL_ADDRESS"):
        stream.synchronize()


def test_a_wrong_order_is_an_error(loaded):
    machine, cuda, execution, addresses = loaded
    small, stream = cuda.device_buffer(16), cuda.stream()
    addresses.update(images=small.address)
    assert execution.queue(addresses, stream.handle)
    with pytest.raises(DeviceError, match="ILLEGAL_ADDRESS"):
        stream.synchronize()


def test_a_missing_address_is_an_error(loaded):
    machine, cuda, execution, addresses = loaded
    del addresses["labels"]
    stream = cuda.stream()
    if type(execution).__name__ == "BindingExecution":
        with pytest.raises(KeyError):
            execution.queue(addresses, stream.handle)
    else:
        assert not execution.queue(addresses, stream.handle)
        assert "Neither address or allocator is set for labels" in machine.flavour.log.cause()


def test_nothing_is_computed_before_somebody_waits(loaded):
    machine, cuda, execution, addresses = loaded
    scores, stream = cuda.host_buffer((4,), "float32"), cuda.stream()
    scores.array.fill(-1)
    assert execution.queue(addresses, stream.handle)
    assert machine.trt.seen.runs == 0
    assert (scores.array == -1).all()
    stream.synchronize()
    assert machine.trt.seen.runs == 1


def test_types_are_of_a_table_of_our_own(machine):
    kind = machine.trt.DataType.HALF
    assert engine_tensor("a", True, kind, (1, 2)).dtype == "float16"


def test_old_kernels_go_as_old_engines_do(rtx, monkeypatch):
    monkeypatch.setattr(engine_cache, "LIMIT_BYTES", 1)
    old = rtx.folder / "cache" / "old.kernels"
    old.write_bytes(b"kernels of another engine")
    open_detector(rtx.engine).close()
    assert not old.exists()
    assert len(kernel_files(rtx)) == 1


# The end of the process


AT_EXIT = """
import atexit, json, sys
sys.path[:0] = json.loads(sys.argv[1])
import pytest
from engine_machine import EngineMachine, pictures
from fake_cuda import FakeGpu, fake_cuda, fake_library
from pathlib import Path
from edgedet.runtime import gpu_identity, open_detector
import os

gpu = FakeGpu(fake_library())
gpu_identity.DRIVER, os.environ["EDGEDET_CUDA"] = str(gpu.library), "ctypes"
machine = EngineMachine(sys.argv[2], gpu, Path(sys.argv[3]), pytest.MonkeyPatch())

@atexit.register  # before the detector is opened, so that it runs after the detector's own end
def report():
    print(json.dumps([gpu.live(), gpu.lost(), gpu.violation(), machine.trt.seen.ended]))

detector = open_detector(machine.engine)
detector(pictures(1)[0])
"""


@pytest.mark.parametrize("flavour", ["8.2.1.8", "10.3.0", FLAVOURS[-1]])
def test_a_program_that_ends_without_closing(flavour, tmp_path):
    fake_library()  # skips without a compiler
    places = [str(Path(__file__).parent), str(Path(edgedet.runtime.__file__).parent.parent.parent)]
    ran = subprocess.run(
        [sys.executable, "-c", AT_EXIT, json.dumps(places), flavour, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    assert ran.returncode == 0, ran.stderr
    live, lost, violation, ended = json.loads(ran.stdout)
    assert (sum(live.values()), lost, violation) == (0, 0, "")
    assert ended == ["context", "context", "engine", "runtime"]
    assert "Exception" not in ran.stderr
