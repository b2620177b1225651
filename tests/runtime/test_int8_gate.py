"""An INT8 engine that has little to do with its model is refused where it is built."""

import numpy as np
import pytest

pytest.importorskip("cv2")
pytest.importorskip("onnxruntime")

from engine_machine import FLAVOURS, EngineMachine  # noqa: E402
from fake_cuda import fake_cuda  # noqa: E402
from test_engine_gate import files_of, not_a_number, zeros  # noqa: E402
from test_engine_int8 import ONNX, QDQ, SCALES  # noqa: E402

from edgedet.runtime import ModelError, engine_cache  # noqa: E402
from edgedet.runtime.candidates import Candidates  # noqa: E402
from edgedet.runtime.engine_builder import engine_from_onnx  # noqa: E402
from edgedet.runtime.engine_file import read_engine_facts  # noqa: E402
from edgedet.runtime.engine_gate import gate_text  # noqa: E402
from edgedet.runtime.engine_options import EngineOptions  # noqa: E402
from edgedet.runtime.int8_gate import found_again, holds  # noqa: E402

WEAK_AND_STRONG = ["8.2.1.8", "10.3.0", FLAVOURS[-1]]


@pytest.fixture
def gpu():
    with fake_cuda() as driver:
        driver.device(name="RTX 3090", compute_capability=(8, 6), integrated=False)
        yield driver


@pytest.fixture(params=WEAK_AND_STRONG)
def machine(request, gpu, tmp_path, monkeypatch):
    return EngineMachine(request.param, gpu, tmp_path, monkeypatch)


def build(machine, folder):
    """From what this TensorRT takes."""
    options = EngineOptions("int8", ("8.6",) if machine.is_rtx else ())
    onnx, scales = (ONNX, SCALES) if machine.flavour.can.weakly_typed else (QDQ, None)
    return engine_from_onnx(onnx, folder / "int8.engine", machine.flavour, options, scales=scales)


def noisy(name, result):
    """As INT8 may: a little off in place and score."""
    rng = np.random.RandomState(0)
    if name == "boxes_xyxy":
        return result + rng.uniform(-0.5, 0.5, result.shape)
    return result - 0.05 if name == "scores" else result


def elsewhere(name, result):
    return result * 0.3 if name == "boxes_xyxy" else result


def sure_of_nothing(name, result):
    return result * 0.2 if name == "scores" else result


def of_another_class(name, result):
    return result + 1 if name == "labels" else result


def in_disorder(name, result):
    return result[:, ::-1] if name == "scores" else result


def test_what_int8_may_change_passes(machine, tmp_path):
    machine.faults.computes = noisy
    facts = build(machine, tmp_path)
    assert facts.gate["found_again"] == facts.gate["candidates"] == 8
    assert facts == read_engine_facts(tmp_path / "int8.engine")
    assert gate_text(facts.gate).startswith("8 of 8 candidates found again; ")
    machine.require_clean()


@pytest.mark.parametrize(
    "computes", [elsewhere, sure_of_nothing, of_another_class, zeros, not_a_number, in_disorder]
)
def test_an_engine_that_finds_other_things_is_refused(machine, computes, tmp_path):
    before = files_of(tmp_path)
    machine.faults.computes = computes
    with pytest.raises(ModelError, match=r"finds 60% of its model's .*--precision fp16"):
        build(machine, tmp_path)
    assert files_of(tmp_path) == before
    assert not list(engine_cache.cache_folder().glob(".*"))
    machine.require_clean()


def candidates(count, seed=0):
    rng = np.random.RandomState(seed)
    corners = rng.uniform(0, 4000, (count, 2))
    boxes = np.concatenate([corners, corners + 20], axis=1).astype("float32")
    scores = np.linspace(0.9, 0.1, count).astype("float32")
    return Candidates(boxes, scores, np.zeros(count, dtype="int64"))


def first(found, count):
    return Candidates(*(array[:count] for array in found))


def with_lost(found, count):
    """The last `count` of the best 100 are somewhere else."""
    boxes = found.boxes_xyxy.copy()
    boxes[100 - count : 100] += 9000
    return found._replace(boxes_xyxy=boxes)


def test_how_many_have_to_be_found():
    """By hand: 100 of 200 are known, with scores from 0.9 down to 0.502; half of them are clear."""
    found = candidates(200)
    best = [first(found, 100)]
    for lost, passes in ((0, True), (40, True), (41, False)):
        gate = found_again(best, [with_lost(found, lost)])
        assert gate["found_again"] == 100 - lost
        assert (gate["clear"], gate["clear_known"]) == (50, 50)
        assert holds(gate) == passes


def test_an_engine_that_is_sure_of_too_much():
    """All that the model knows is there, and as much again that it does not know."""
    found = candidates(100)
    more = Candidates(found.boxes_xyxy + 9000, found.scores, found.labels)
    order = np.argsort(-np.concatenate([found.scores, more.scores]), kind="mergesort")
    both = Candidates(*(np.concatenate(pair)[order] for pair in zip(found, more)))
    gate = found_again([first(found, 50)], [both])
    assert gate["found_again"] == gate["candidates"] == 50
    assert gate["clear_known"] * 2 == gate["clear"] > 0
    assert not holds(gate)


def test_a_model_without_clear_candidates_is_compared_by_the_others():
    found = candidates(100)
    low = found._replace(scores=found.scores * 0.1)
    gate = found_again([low], [low])
    assert gate["clear"] == 0
    assert holds(gate)
