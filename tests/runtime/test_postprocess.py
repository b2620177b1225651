import numpy as np
import pytest

from edgedet.runtime.detections import Detections
from edgedet.runtime.postprocess import Thresholds, postprocess
from edgedet.runtime.preprocess import Placement

THRESHOLDS = Thresholds(score=0.3, iou=0.5, max_detections=10)
SAME = Placement((1.0, 1.0), (0.0, 0.0), (100, 200))


def _post(boxes, scores, labels, placement=SAME, thresholds=THRESHOLDS):
    return postprocess(
        np.float32(boxes), np.float32(scores), np.array(labels), placement, thresholds
    )


def test_gate_then_suppression_then_frame_pixels():
    boxes = [[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 9], [50, 50, 60, 60]]
    half = Placement((0.5, 0.25), (0.0, 0.0), (400, 400))
    found = _post(boxes, [0.9, 0.8, 0.7, 0.2], [0, 0, 1, 0], half)
    assert found == Detections([[0, 0, 20, 40], [0, 0, 20, 36]], [0.9, 0.7], [0, 1])


def test_a_score_equal_to_the_gate_passes():
    assert len(_post([[0, 0, 5, 5]], [0.3], [0], thresholds=Thresholds(np.float32(0.3), 1, 1))) == 1


def test_the_best_are_kept_when_there_are_too_many():
    boxes = [[10 * i, 0, 10 * i + 8, 8] for i in range(8)]
    scores = np.linspace(0.9, 0.5, 8)
    found = _post(boxes, scores, [0] * 8, thresholds=Thresholds(0.3, 0.5, 3))
    assert found.scores.tolist() == scores.astype(np.float32)[:3].tolist()


def test_boxes_are_clipped_and_those_outside_dropped():
    boxes = [
        [-5, -5, 20, 20],
        [190, 90, 300, 300],
        [-30, 0, 0, 50],
        [300, 300, 310, 310],
        [7, 7, 7, 9],
    ]
    found = _post(boxes, [0.9, 0.8, 0.7, 0.6, 0.5], range(5))
    assert found == Detections([[0, 0, 20, 20], [190, 90, 200, 100]], [0.9, 0.8], [0, 1])


def test_boxes_outside_take_no_place_of_those_inside():
    boxes = [[300, 0, 310, 10], [0, 0, 10, 10]]
    found = _post(boxes, [0.9, 0.8], [0, 0], thresholds=Thresholds(0.3, 0.5, 1))
    assert found == Detections([[0, 0, 10, 10]], [0.8], [0])


def test_letterbox_offsets_are_taken_off():
    placement = Placement((0.5, 0.5), (0.0, 14.0), (100, 200))
    assert _post([[10, 24, 20, 34]], [0.9], [0], placement) == Detections(
        [[20, 20, 40, 40]], [0.9], [0]
    )


@pytest.mark.parametrize("count", [0, 5])
def test_nothing_above_the_gate_is_empty(count):
    found = _post(np.zeros((count, 4)), np.zeros(count), np.zeros(count, np.int64))
    assert found == Detections.empty()


def test_the_candidates_are_left_as_they_were():
    boxes = np.float32([[-5, -5, 20, 20], [0, 0, 9, 9]])
    before = boxes.copy()
    postprocess(boxes, np.float32([0.9, 0.8]), np.array([0, 1]), SAME, THRESHOLDS)
    np.testing.assert_array_equal(boxes, before)


def test_boxes_that_are_not_numbers_are_dropped():
    found = _post([[np.nan, 0, 5, 5], [0, 0, 5, 5]], [0.9, 0.8], [0, 0])
    assert found == Detections([[0, 0, 5, 5]], [0.8], [0])
