from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from toy_detector import ToyDetector

from edgedet.export.from_torch import graph_from_torch, onnx_from_torch
from edgedet.export.onnx_file import save_onnx
from edgedet.export.parity import FP32_BOUNDS, Parity, ParityMeter, compare_backends
from edgedet.export.parity_images import parity_images
from edgedet.export.uint8_input import with_uint8_input
from edgedet.models.backend import TorchBackend
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.candidate_match import Bounds, match_candidates
from edgedet.runtime.candidates import Candidates
from edgedet.runtime.errors import ModelError

COUNT = 50
SIZE_HW = (416, 512)


def candidates(seed: int = 0, count: int = COUNT) -> Candidates:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 400, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(8, 99, (count, 2))], axis=1)
    scores = np.sort(rng.uniform(0.01, 1, count))[::-1]
    labels = rng.integers(0, 3, count)
    return Candidates(boxes.astype(np.float32), scores.astype(np.float32), labels)


def taken(side: Candidates, order: NDArray[np.int64]) -> Candidates:
    return Candidates(*(array[order] for array in side))


def parity_of(reference: Candidates, found: Candidates, bounds: Bounds = FP32_BOUNDS) -> Parity:
    meter = ParityMeter(SIZE_HW, bounds)
    meter.add(reference, found)
    return meter.result()


def test_the_same_passes_with_no_difference() -> None:
    parity = parity_of(candidates(), candidates())
    assert parity.passed
    assert (parity.matched, parity.undecided, parity.different) == (COUNT, 0, 0)
    assert (parity.max_box_px, parity.max_score) == (0, 0)


def test_differences_are_measured() -> None:
    side = candidates()
    shift = np.zeros_like(side.boxes_xyxy)
    shift[7, 2] = 0.0625
    found = Candidates(side.boxes_xyxy + shift, side.scores - np.float32(5e-4), side.labels)
    parity = parity_of(side, found)
    assert parity.passed
    assert parity.max_box_px == pytest.approx(0.0625)
    assert parity.mean_box_px == pytest.approx(0.0625 / COUNT, rel=1e-3)
    assert parity.max_score == pytest.approx(5e-4, rel=1e-3)


def test_scores_that_do_not_descend_fail() -> None:
    side = candidates()
    parity = parity_of(side, taken(side, np.arange(COUNT)[::-1]))
    assert parity.matched == COUNT
    assert not parity.passed


@given(seed=st.integers(0, 99), order=st.permutations(range(COUNT)))
@settings(max_examples=25, deadline=None)
def test_equal_scores_may_change_places(seed: int, order: list[int]) -> None:
    side = candidates(seed)
    level = side._replace(scores=np.full(COUNT, 0.5, np.float32))
    parity = parity_of(level, taken(level, np.array(order)))
    assert parity.passed
    assert parity.max_box_px == 0


def test_of_two_candidates_on_one_object_each_finds_its_own() -> None:
    side = candidates()
    side.boxes_xyxy[1] = side.boxes_xyxy[0] + np.float32(0.03)
    labels = side.labels.copy()
    labels[1] = labels[0]
    side = side._replace(labels=labels, scores=side.scores.round(1))
    swapped = np.arange(COUNT)
    swapped[:2] = 1, 0
    assert parity_of(side, taken(side, swapped)).max_box_px == 0


def test_the_last_ones_may_be_cut_off_differently() -> None:
    side = candidates(count=COUNT + 1)
    side.scores[-2:] = 0.01
    dropped_last = taken(side, np.arange(COUNT))
    dropped_other = taken(side, np.r_[0 : COUNT - 1, COUNT])
    parity = parity_of(dropped_last, dropped_other)
    assert parity.passed
    assert parity.undecided == 2


def test_a_candidate_in_the_middle_must_not_vanish() -> None:
    side = candidates(count=COUNT + 1)
    lost = taken(side, np.r_[0:20, 21 : COUNT + 1])
    parity = parity_of(taken(side, np.arange(COUNT)), lost)
    assert not parity.passed
    assert parity.different == 1
    with pytest.raises(ModelError, match="1 candidates that differ"):
        parity.require_passed()


@pytest.mark.parametrize("field", ["boxes_xyxy", "scores"])
def test_a_value_beyond_its_bound_fails(field: str) -> None:
    side = candidates()
    spoilt = getattr(side, field).copy()
    spoilt[3] += 2 * (FP32_BOUNDS.box_px if field == "boxes_xyxy" else FP32_BOUNDS.score)
    assert not parity_of(side, side._replace(**{field: spoilt})).passed


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_box_beyond_the_input_may_differ_in_proportion(factor: float) -> None:
    side = candidates()
    side.boxes_xyxy[5, 2] = 10 * 512
    wide = side.boxes_xyxy.copy()
    wide[5, 2] += 10 * FP32_BOUNDS.box_px * factor
    parity = parity_of(side, side._replace(boxes_xyxy=wide))
    assert parity.passed == (factor < 1)
    assert parity.max_box_px == pytest.approx(FP32_BOUNDS.box_px * factor, rel=0.01)


def test_another_label_fails() -> None:
    side = candidates()
    assert not parity_of(side, side._replace(labels=(side.labels + 1) % 3)).passed


@pytest.mark.parametrize("field", ["boxes_xyxy", "scores"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_fail(field: str, value: float) -> None:
    spoilt = getattr(candidates(), field).copy()
    spoilt[3] = value
    side = candidates()._replace(**{field: spoilt})
    parity = parity_of(side, side)
    assert not parity.passed
    assert np.isfinite([parity.max_box_px, parity.mean_score]).all()


def test_tied_scores_do_not_hide_that_all_boxes_are_wrong() -> None:
    side = candidates()._replace(scores=np.full(COUNT, 0.01, np.float32))
    wrong = side._replace(boxes_xyxy=side.boxes_xyxy + 50)
    parity = parity_of(side, wrong)
    assert parity.different == 0
    assert not parity.passed


def test_nothing_compared_is_no_pass() -> None:
    assert not ParityMeter(SIZE_HW).result().passed


def test_a_match_has_one_difference_for_each_candidate_it_covers() -> None:
    side = candidates()
    match = match_candidates(side, side, FP32_BOUNDS, 512)
    assert match.box_px.shape == match.score.shape == (COUNT,)


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("uint8", [False, True])
@pytest.mark.parametrize("resize", ["stretch", "letterbox"])
def test_an_exported_detector_passes(tmp_path: Path, batch: int, uint8: bool, resize: str) -> None:
    model = ToyDetector().eval()
    model.spec = model.spec._replace(resize=resize)
    graph = graph_from_torch(model, batch)
    save_onnx(with_uint8_input(graph) if uint8 else graph, tmp_path / "toy.onnx")
    images = parity_images(model.spec.size_hw)
    with OnnxRuntimeBackend(tmp_path / "toy.onnx", threads=1) as backend:
        parity = compare_backends(TorchBackend(model), backend, images)
    assert parity.images == len(images)
    assert parity.candidates == len(images) * model.top_k
    assert parity.passed
    assert parity.max_box_px < 1e-3
    assert parity.max_score < 1e-5


def test_other_weights_fail(tmp_path: Path) -> None:
    onnx_from_torch(ToyDetector(seed=1), tmp_path / "toy.onnx")
    with OnnxRuntimeBackend(tmp_path / "toy.onnx", threads=1) as backend:
        parity = compare_backends(
            TorchBackend(ToyDetector(seed=0).eval()), backend, parity_images((32, 48))
        )
    assert not parity.passed


def test_generated_images_are_the_same_each_time_and_none_is_flat() -> None:
    one, other = parity_images((64, 96)), parity_images((64, 96))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert all(image.std() > 4 and image.dtype == np.uint8 for image in one)
    assert {image.shape for image in one} == {(80, 154, 3)}


def frames_of(images: Sequence[NDArray[np.uint8]]) -> set[bytes]:
    return {image.tobytes() for image in images}


def test_another_seed_gives_other_images() -> None:
    assert not frames_of(parity_images((32, 32))) & frames_of(parity_images((32, 32), seed=1))
