import numpy as np
import pytest

from edgedet.runtime import Detections

BOXES = [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_arrays_get_their_types():
    found = Detections(BOXES, [0.9, 0.5], [1, 0])
    assert found.boxes_xyxy.dtype == np.float32
    assert found.scores.dtype == np.float32
    assert found.labels.dtype == np.int64
    assert len(found) == 2


def test_empty_has_the_shapes_of_none():
    none = Detections.empty()
    shapes = (none.boxes_xyxy.shape, none.scores.shape, none.labels.shape)
    assert shapes == ((0, 4), (0,), (0,))
    assert len(none) == 0
    assert none == Detections(np.zeros((0, 4)), [], [])


@pytest.mark.parametrize(
    ("boxes_xyxy", "scores", "labels", "message"),
    [
        ([0, 1, 2, 3], [0.9], [0], "boxes_xyxy"),
        (BOXES, [0.9], [0], r"\(2, 4\)"),
        (BOXES, [0.9, 0.5], [0], r"labels \[n\]"),
        (BOXES, [[0.9], [0.5]], [0, 1], r"scores \[n\]"),
        (BOXES, [0.5, 0.9], [0, 1], "descending"),
        (BOXES, [0.5, float("nan")], [0, 1], "descending"),
    ],
)
def test_what_does_not_fit_is_refused(boxes_xyxy, scores, labels, message):
    with pytest.raises(ValueError, match=message):
        Detections(boxes_xyxy, scores, labels)


def test_equality_is_by_value():
    one = Detections(BOXES, [0.9, 0.5], [1, 0])
    assert one == Detections(BOXES, [0.9, 0.5], [1, 0])
    assert one != Detections(BOXES, [0.9, 0.4], [1, 0])
    assert one != Detections(BOXES[:1], [0.9], [1])
    assert one != "two boxes"
    with pytest.raises(TypeError):
        hash(one)


def test_repr_shows_what_was_found():
    assert repr(Detections([[0, 1, 2, 3]], [0.5], [7])) == (
        "Detections(1: 7 0.50 [0.0, 1.0, 2.0, 3.0])"
    )


def test_no_stray_attribute_can_be_set():
    with pytest.raises(AttributeError):
        Detections.empty().masks = 1
