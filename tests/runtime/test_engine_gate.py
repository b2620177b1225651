"""Engines that compute wrongly are refused where they are built; on fakes that run."""

import json
import logging
from functools import partial

import numpy as np
import pytest

pytest.importorskip("cv2")
pytest.importorskip("onnxruntime")

from answering_model import answering_model, with_answers
from engine_machine import FLAVOURS, ONNX, EngineMachine
from fake_cuda import fake_cuda
from fake_sensors import orin_sensors

from edgedet.runtime import ModelError, build_conditions, engine_cache, engine_gate
from edgedet.runtime.candidates import Candidates
from edgedet.runtime.engine_builder import engine_from_onnx
from edgedet.runtime.engine_file import read_engine_facts, sidecar_path
from edgedet.runtime.engine_gate import differences, gate_text
from edgedet.runtime.engine_options import EngineOptions
from edgedet.runtime.power_watch import watch_power

ORIN = "10.3.0"


def shifted(name, result):
    return result + 5 if name == "boxes_xyxy" else result


def not_a_number(name, result):
    return result * np.nan if name == "scores" else result


def no_boxes(name, result):
    return result * np.nan if name == "boxes_xyxy" else result


def zeros(name, result):
    return result * 0


def bolder(name, result):
    return result + 0.1 if name == "scores" else result


def another_class(name, result):
    return result + 1 if name == "labels" else result


WRONG = [shifted, not_a_number, no_boxes, zeros, bolder, another_class]


@pytest.fixture
def gpu():
    with fake_cuda() as driver:
        yield driver


@pytest.fixture
def machine_of(gpu, tmp_path, monkeypatch):
    return lambda flavour: EngineMachine(flavour, gpu, tmp_path, monkeypatch)


@pytest.fixture
def orin(machine_of):
    return machine_of(ORIN)


@pytest.fixture
def rtx(machine_of):
    return machine_of(FLAVOURS[-1])


def files_of(folder):
    """Name and content of everything beneath it, but for timings that help the next build."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path: path.read_bytes() for path in files if not path.suffix.startswith(".timing")}


def without_gpu(monkeypatch):
    """Build as on a machine without a GPU, from here on."""
    monkeypatch.setattr(engine_gate, "find_gpu", lambda: None)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_right_engine_is_kept_with_what_was_compared(flavour, machine_of, tmp_path):
    machine = machine_of(flavour)
    facts = machine.build(answering_model(tmp_path))
    assert facts == read_engine_facts(machine.engine)
    assert facts.gate["differing"] == 0
    assert facts.gate["candidates"] >= facts.gate["matched"] == 8
    assert 0 < facts.gate["largest_box_px"] < 0.01  # of the two digits that are kept
    assert gate_text(facts.gate).startswith("0 of ")
    assert read_engine_facts(engine_cache.entry_path(facts.key)) == facts
    assert not list(tmp_path.glob(".edgedet-*"))
    machine.require_clean()


@pytest.mark.parametrize("computes", WRONG)
@pytest.mark.parametrize("flavour", [FLAVOURS[0], ORIN, FLAVOURS[-1]])
def test_a_wrong_engine_leaves_everything_as_it_was(flavour, computes, machine_of, tmp_path):
    machine = machine_of(flavour)
    onnx = answering_model(tmp_path)
    before = files_of(tmp_path)
    machine.faults.computes = computes
    with pytest.raises(ModelError, match=r"agrees with its model within 2.0 px.* that differ"):
        machine.build(onnx)
    assert files_of(tmp_path) == before
    assert not list(tmp_path.glob(".edgedet-*"))
    machine.require_clean()


def test_how_much_differs_and_what_to_do(orin, tmp_path):
    orin.faults.computes = shifted
    onnx, engine = answering_model(tmp_path), tmp_path / "new" / "half.engine"
    for precision, fix in (("fp16", "--precision fp32"), ("fp32", "run the .onnx file")):
        with pytest.raises(ModelError) as caught:
            engine_from_onnx(onnx, engine, orin.flavour, EngineOptions(precision))
        assert "9 of 12 candidates that differ (up to 5 px" in str(caught.value)
        assert fix in str(caught.value)
    assert not engine.exists()


def test_a_foreign_model_is_not_compared(orin, caplog):
    caplog.set_level(logging.INFO, "edgedet.engine")
    facts = orin.build(ONNX)
    assert facts.gate is None
    assert caplog.text.count("no answers in it") == 1
    assert gate_text(facts.gate) == "not compared on a GPU yet"


def test_answers_that_are_none_are_told_before_the_build(orin, tmp_path):
    builds = orin.trt.seen.builds
    bad = ['{"schema_version": 2}', "[]", "{", '{"schema_version": 1, "frames": [{}]}']
    empty = {"boxes_xyxy": [], "scores": [], "labels": []}
    for text in bad + [json.dumps({"schema_version": 1, "frames": [empty]})]:
        with pytest.raises(ModelError, match=r"answers of .*edgedet export"):
            orin.build(with_answers(tmp_path, text))
    assert orin.trt.seen.builds == builds


def test_what_was_built_without_a_gpu_is_compared_with_one(rtx, tmp_path, monkeypatch):
    onnx = answering_model(tmp_path)
    with monkeypatch.context() as elsewhere:
        without_gpu(elsewhere)
        assert rtx.build(onnx).gate is None
    builds = rtx.trt.seen.builds
    facts = rtx.build(onnx)
    assert facts.gate["differing"] == 0
    for engine in (rtx.engine, engine_cache.entry_path(facts.key)):
        assert read_engine_facts(engine) == facts
    runs = rtx.trt.seen.runs
    assert rtx.build(onnx) == facts
    assert (rtx.trt.seen.builds, rtx.trt.seen.runs) == (builds, runs)


def test_what_was_built_without_a_gpu_and_is_wrong_goes(rtx, tmp_path, monkeypatch):
    onnx = answering_model(tmp_path)
    with monkeypatch.context() as elsewhere:
        without_gpu(elsewhere)
        facts = rtx.build(onnx)
    rtx.faults.computes = zeros
    with pytest.raises(ModelError, match="that differ"):
        rtx.build(onnx)
    for engine in (rtx.engine, engine_cache.entry_path(facts.key)):
        assert not engine.exists()
        assert not sidecar_path(engine).exists()
    rtx.require_clean()


def test_a_gpu_that_cannot_do_it_now_costs_no_engine(orin, tmp_path, caplog):
    onnx = answering_model(tmp_path)
    orin.faults.run = "Error Code 1: Cuda Runtime (out of memory)"
    assert orin.build(onnx).gate is None
    assert "was not compared with its model" in caplog.text
    orin.faults.run = None
    assert orin.build(onnx).gate["differing"] == 0
    orin.require_clean()


def test_a_plan_that_tensorrt_does_not_take_back(rtx, tmp_path):
    onnx = answering_model(tmp_path)
    before = files_of(tmp_path)
    rtx.faults.not_loadable = "Serialization failed"
    with pytest.raises(ModelError, match="Serialization failed"):
        rtx.build(onnx)
    assert files_of(tmp_path) == before
    rtx.require_clean()


def test_a_sidecar_of_an_older_version_asks_for_another_build(orin, monkeypatch):
    with monkeypatch.context() as older:
        older.setattr("edgedet.runtime.engine_file.SCHEMA_VERSION", 1)
        orin.build(ONNX)
        engine_from_onnx(ONNX, orin.engine, orin.flavour, EngineOptions("fp32"), force=True)
    with pytest.raises(ModelError, match=r"version 3.* version 1 in .*build the engine again"):
        read_engine_facts(orin.engine)
    builds = orin.trt.seen.builds
    assert orin.build(ONNX) == read_engine_facts(orin.engine)
    assert orin.trt.seen.builds == builds + 1


def test_the_clocks_of_the_build_are_kept(orin, tmp_path, monkeypatch):
    orin_sensors(tmp_path)
    monkeypatch.setattr(build_conditions, "watch_power", partial(watch_power, root=str(tmp_path)))
    monkeypatch.setattr(build_conditions, "power_mode", lambda: "nvpmodel 0000")
    facts = engine_from_onnx(ONNX, tmp_path / "a.engine", orin.flavour, EngineOptions("fp16"))
    assert facts.clocks_mhz["gpu"] > 0
    assert facts.power_mode == "nvpmodel 0000"


def candidates(count, seed=0):
    rng = np.random.RandomState(seed)
    corners = rng.uniform(0, 400, (count, 2))
    boxes = np.concatenate([corners, corners + 20], axis=1).astype("float32")
    scores = np.linspace(0.9, 0.1, count).astype("float32")
    return Candidates(boxes, scores, np.zeros(count, dtype="int64"))


def best_of(found, count):
    return Candidates(*(array[:count] for array in found))


def moved(found, rows):
    boxes = found.boxes_xyxy.copy()
    boxes[rows] += 3
    return found._replace(boxes_xyxy=boxes)


def test_what_counts_as_different():
    found = candidates(200)
    reference = [best_of(found, 100)]

    def differing(other):
        return differences(reference, [other], 512)["differing"]

    assert differing(found) == 0
    assert differing(moved(found, [150, 160])) == 0  # below the best that are known
    assert differing(moved(found, [7])) == 2  # one lost and one invented
    assert differing(moved(found, [97])) == 1  # might be one that was not kept
    rows = np.r_[0:9, 10, 9, 11:200]
    assert differing(Candidates(*(array[rows] for array in found))) == 1  # order of the scores


def test_scores_that_are_all_the_same():
    """As of an untrained model: which are the best is up to each library."""
    found = candidates(200)
    found = found._replace(scores=np.full(200, 0.25, dtype="float32"))
    kept = Candidates(*(array[60:160] for array in found))
    gate = differences([kept], [best_of(found, 100)], 512)
    assert (gate["matched"], gate["differing"]) == (40, 0)
