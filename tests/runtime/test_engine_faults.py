"""Whatever call of CUDA fails, one clear message comes, nothing is left behind, no file changes."""

import gc

import pytest

pytest.importorskip("cv2")
pytest.importorskip("onnxruntime")

from engine_machine import FLAVOURS, ONNX, EngineMachine, pictures
from fake_cuda import LAUNCH_FAILED, OUT_OF_MEMORY, fake_cuda

from edgedet.runtime import EdgedetError, open_detector
from edgedet.runtime.engine_file import read_engine_facts

FRAMES = pictures(2)
ALL = {"conf": 0.0, "iou": 1.0}
RTX = ("NVIDIA GeForce RTX 3090", (8, 6), False)
JETSON = ("NVIDIA Tegra X1", (5, 3), True)
TENSORRTS = ["8.2.1.8", "8.5.2.2", "10.3.0", FLAVOURS[-1]]


@pytest.fixture
def gpu():
    with fake_cuda() as driver:
        yield driver


@pytest.fixture(params=[*TENSORRTS, "jetson"])
def machine(request, gpu, tmp_path, monkeypatch):
    if request.param == "jetson":
        gpu.device(*JETSON)
    flavour = "8.2.1.8" if request.param == "jetson" else request.param
    return EngineMachine(flavour, gpu, tmp_path, monkeypatch)


def expected():
    with open_detector(ONNX, **ALL) as detector:
        return [detector(frame) for frame in FRAMES]


def whole_run(machine):
    """Everything that a program does; nothing keeps the detector alive afterwards."""
    with open_detector(machine.engine, **ALL) as detector:
        first = detector(FRAMES[0])
        detector.backend.run_only()
        return [first, *detector.stream(FRAMES[1:])]


def outcome(machine):
    """The detections or the message; one of them."""
    try:
        return whole_run(machine), None
    except EdgedetError as error:
        return None, str(error)


def files(machine):
    return {path: path.read_bytes() for path in machine.folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "code", [LAUNCH_FAILED, pytest.param(OUT_OF_MEMORY, marks=pytest.mark.slow)]
)
def test_every_call_that_fails_in_turn(code, machine):
    right = expected()
    start = machine.gpu.calls()
    assert whole_run(machine) == right
    calls = machine.gpu.calls() - start
    before, messages = files(machine), set()
    for nth in range(1, calls + 1):
        machine.gpu.fail("*", nth, code)
        found, message = outcome(machine)
        machine.gpu.fail(nth=0)
        # What can do without the call goes on without it: a graph, say.
        assert found == right or (message and "\n" not in message and "; " in message), nth
        messages.add(message)
        machine.require_clean()
        assert files(machine) == before
    assert calls > 50
    assert len(messages) > 5
    gc.collect()
    machine.require_clean()
    assert whole_run(machine) == right


def test_a_run_that_touches_what_is_no_memory(machine):
    """As a faulty kernel: from then on every call fails, and the message is the first one's."""

    def broken():
        raise ValueError("no memory there")

    def run():
        with open_detector(machine.engine) as detector:
            machine.gpu.enqueue(detector.backend._session._stream.handle, broken)
            detector(FRAMES[0])

    with pytest.raises(EdgedetError, match="CUDA_ERROR_ILLEGAL_ADDRESS.*start the program again"):
        run()
    assert machine.gpu.live() == dict.fromkeys(machine.gpu.live(), 0)
    assert machine.trt.seen.alive == []
    assert whole_run(machine) == expected()


@pytest.mark.parametrize("free_bytes", range(0, 120000, 13000))
def test_every_amount_of_memory_that_is_too_little(free_bytes, machine):
    jetson = "Tegra" in read_engine_facts(machine.engine).device
    machine.gpu.device(*(JETSON if jetson else RTX), n_bytes=free_bytes)
    found, message = outcome(machine)
    assert found == expected() or "out of memory" in message.lower().replace("_", " ")
    machine.require_clean()


@pytest.mark.parametrize("how", ["truncated", "bit-flipped", "empty"])
def test_a_plan_that_is_damaged_is_not_even_loaded(how, machine):
    content = machine.engine.read_bytes()
    damaged = {
        "truncated": content[: len(content) // 2],
        "bit-flipped": content[:99] + bytes([content[99] ^ 1]) + content[100:],
        "empty": b"",
    }
    machine.engine.write_bytes(damaged[how])
    start = machine.gpu.calls()
    with pytest.raises(EdgedetError, match="with SHA-256 .*build it again"):
        open_detector(machine.engine)
    assert machine.gpu.calls() == start
    machine.require_clean()


@pytest.mark.parametrize("how", ["missing", "edited"])
def test_a_sidecar_that_is_not_as_it_was_written(how, machine):
    sidecar = machine.engine.with_name(machine.engine.name + ".json")
    text = sidecar.read_text()
    sidecar.unlink()
    if how == "edited":
        sidecar.write_text(text.replace('"thing"', '"other"'))
    start = machine.gpu.calls()
    with pytest.raises(EdgedetError, match="sidecar"):
        open_detector(machine.engine)
    assert machine.gpu.calls() == start
