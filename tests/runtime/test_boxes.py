import doctest
import sys
from pathlib import Path

import numpy as np
import pytest

from edgedet.runtime import boxes

sys.path.insert(0, str(Path(__file__).parent))
from reference_nms import greedy_nms, iou


def _scene(seed, count, objects, classes=3):
    """Boxes in integer pixels, heaped on a few objects, with scores that repeat."""
    random = np.random.RandomState(seed)
    corners = random.randint(0, 200, size=(objects, 2))[random.randint(objects, size=count)]
    corners = corners + random.randint(-6, 7, size=(count, 2))
    sides = random.randint(0, 40, size=(count, 2))
    boxes_xyxy = np.concatenate([corners, corners + sides], axis=1).astype(np.float32)
    scores = (random.randint(0, 50, size=count) / 50).astype(np.float32)
    return boxes_xyxy, scores, random.randint(classes, size=count)


def _agrees(boxes_xyxy, scores, labels, threshold):
    found = boxes.nms(boxes_xyxy, scores, labels, threshold).tolist()
    return found == greedy_nms(
        boxes_xyxy.tolist(), scores.tolist(), labels.tolist(), float(threshold)
    )


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(boxes).attempted > 0
    assert doctest.testmod(boxes).failed == 0


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.5, 1.0])
def test_nms_is_the_greedy_loop_on_random_scenes(seed, threshold):
    random = np.random.RandomState(1000 + seed)
    scene = _scene(seed, random.randint(0, 120), random.randint(1, 12))
    assert _agrees(*scene, threshold=threshold)


@pytest.mark.parametrize("count", [1, boxes.BLOCK, boxes.BLOCK + 1, 3 * boxes.BLOCK + 7])
def test_nms_is_the_greedy_loop_across_its_blocks(count):
    assert _agrees(*_scene(7, count, 9), threshold=0.5)


def test_nms_of_nothing_is_nothing():
    nothing = boxes.nms(np.zeros((0, 4), np.float32), np.zeros(0), np.zeros(0, np.int64), 0.5)
    assert nothing.tolist() == []


def test_nms_of_identical_boxes_keeps_the_first_of_each_label():
    same = np.tile(np.float32([[3, 4, 9, 12]]), (400, 1))
    keep = boxes.nms(same, np.ones(400, np.float32), np.arange(400) % 2, 0.5)
    assert keep.tolist() == [0, 1]


def test_nms_along_a_chain_keeps_every_other_box():
    """Box k overlaps only k-1 and k+1: the longest possible chain of suppressions."""
    left = np.arange(500, dtype=np.float32) * 4
    zero = np.zeros_like(left)
    chain = np.stack([left, zero, left + 10, zero + 10], axis=1)  # neighbours: IoU 6/14
    scores = np.linspace(1, 0, 500).astype(np.float32)
    keep = boxes.nms(chain, scores, np.zeros(500, np.int64), 0.4)
    assert keep.tolist() == list(range(0, 500, 2))


def test_nms_returns_best_first_whatever_the_order_given():
    boxes_xyxy, _, labels = _scene(3, 50, 50)
    scores = np.random.RandomState(1).permutation(50).astype(np.float32)
    keep = boxes.nms(boxes_xyxy, scores, labels, 0.5)
    assert (np.diff(scores[keep]) < 0).all()


def test_an_iou_equal_to_the_threshold_stays():
    pair = np.float32([[0, 0, 10, 10], [0, 0, 10, 5]])  # IoU is 0.5
    assert len(boxes.nms(pair, np.float32([0.9, 0.8]), np.array([0, 0]), 0.5)) == 2


def test_iou_matrix_is_the_iou_of_each_pair():
    a, b = _scene(1, 20, 3)[0], _scene(2, 30, 3)[0]
    expected = [[iou(one, two) for two in b.tolist()] for one in a.tolist()]
    np.testing.assert_allclose(boxes.iou_matrix(a, b), expected, atol=1e-6)


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (0, 3), (3, 0)])
def test_iou_matrix_of_nothing_has_the_right_shape(rows, columns):
    assert boxes.iou_matrix(np.ones((rows, 4)), np.ones((columns, 4))).shape == (rows, columns)


def test_boxes_with_swapped_corners_have_no_area():
    swapped = np.float32([[5, 5, 1, 1], [5, 0, 1, 9]])
    assert boxes.areas(swapped).tolist() == [0, 0]
    assert boxes.iou_matrix(swapped, swapped).tolist() == [[0, 0], [0, 0]]
