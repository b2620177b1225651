"""Boxes with scores, and detections that are final, on arrays."""

import numpy as np
import pytest

from edgedet.runtime.adapters.families import FAMILIES
from edgedet.runtime.adapters.family import Evidence
from edgedet.runtime.errors import ModelError

SIZE = (100, 200)
RANDOM = np.random.RandomState(0)
CENTRES = RANDOM.uniform(0.2, 0.8, (60, 2))
SIDES = RANDOM.uniform(0.05, 0.3, (60, 2))
CORNERS = np.concatenate([CENTRES - SIDES / 2, CENTRES + SIDES / 2], 1).astype(np.float32)
PIXELS = CORNERS * np.float32([200, 100, 200, 100])
SHARES = RANDOM.dirichlet([1, 1, 1], 60).astype(np.float32)
"""Of a softmax over the background and two classes."""


def read(name, outputs, count=5, **known):
    family = FAMILIES[name]
    evidence = Evidence(SIZE, outputs, **known)
    found = family.recognise(evidence)
    if found is None:
        return None, None
    arrays = [outputs[each] for each in found.outputs.values()]
    return found, family.decoder(found, SIZE, count)(arrays)


def pair(boxes, scores):
    return {"a": scores[None], "b": boxes[None]}


@pytest.mark.parametrize(
    ("boxes", "form", "unit"),
    [
        (CORNERS, "xyxy", "fractions"),
        (PIXELS, "xyxy", "pixels"),
        (np.concatenate([CENTRES, SIDES], 1).astype(np.float32), "cxcywh", "fractions"),
    ],
)
def test_boxes_and_shares_with_a_background(boxes, form, unit):
    found, candidates = read("boxes_scores", pair(boxes, SHARES))
    assert found.options == {"boxes": form, "unit": unit, "background": True}
    assert found.classes == 2
    order = np.argsort(-SHARES[:, 1:].ravel())[:5]
    np.testing.assert_allclose(candidates.scores, SHARES[:, 1:].ravel()[order])
    np.testing.assert_array_equal(candidates.labels, order % 2)
    np.testing.assert_allclose(candidates.boxes_xyxy, PIXELS[order // 2], atol=1e-3)


def test_scores_that_are_no_shares_have_no_background():
    found, candidates = read("boxes_scores", pair(CORNERS, SHARES * 0.9))
    assert (found.classes, found.options["background"]) == (3, False)
    assert candidates.scores[0] == pytest.approx(0.9 * SHARES.max())


def test_the_number_of_names_says_whether_there_is_a_background():
    assert read("boxes_scores", pair(CORNERS, SHARES), classes=3)[0].options["background"] is False
    assert read("boxes_scores", pair(CORNERS, SHARES), classes=2)[0].options["background"] is True
    assert read("boxes_scores", pair(CORNERS, SHARES), classes=5)[0] is None


def test_four_classes_are_told_apart_by_names_of_outputs_or_not_at_all():
    scores = RANDOM.uniform(0, 1, (60, 4)).astype(np.float32)
    found, _ = read("boxes_scores", {"scores": scores[None], "bboxes": CORNERS[None]})
    assert found.outputs == {"boxes": "bboxes", "scores": "scores"}
    assert read("boxes_scores", pair(CORNERS, scores))[0] is None
    roles = {"boxes": "b", "scores": "a"}
    assert read("boxes_scores", pair(CORNERS, scores), roles=roles)[0].outputs == roles


@pytest.mark.parametrize("axis", [(), (None,)])
def test_three_final_outputs_in_any_order(axis):
    outputs = {
        "x": np.array([1, 3, 0])[axis],
        "y": np.float32([0.2, 0.9, 0.8])[axis],
        "z": PIXELS[:3][axis],
    }
    found, candidates = read("boxes_scores_labels", outputs)
    assert found.outputs == {"boxes": "z", "scores": "y", "labels": "x"}
    assert found.classes is None
    # Label 0 is the background, and no detection.
    assert candidates.labels.tolist() == [2, 0]
    np.testing.assert_array_equal(candidates.boxes_xyxy, PIXELS[[1, 0]])
    found, candidates = read("boxes_scores_labels", outputs, options={"first_label": 0})
    assert candidates.labels.tolist() == [3, 0, 1]


@pytest.mark.parametrize("count", [0, 1])
def test_three_final_outputs_that_found_little(count):
    outputs = {
        "boxes": PIXELS[:count],
        "scores": np.ones(count, np.float32),
        "labels": np.ones(count, np.int64),
    }
    _, candidates = read("boxes_scores_labels", outputs)
    assert candidates.boxes_xyxy.shape == (count, 4)


def test_rows():
    rows = np.zeros((8, 6), np.float32)
    rows[:3] = [[1, 2, 30, 40, 0.9, 1], [5, 6, 70, 80, 0.5, 0], [9, 9, 20, 20, 0.3, 2]]
    found, candidates = read("rows", {"output": rows[None]})
    assert found.options == {"unit": "pixels", "first_label": 0}
    np.testing.assert_allclose(candidates.scores, [0.9, 0.5, 0.3])
    assert candidates.labels.tolist() == [1, 0, 2]
    np.testing.assert_array_equal(candidates.boxes_xyxy, rows[:3, :4])
    rows[:, :4] /= [200, 100, 200, 100]
    found, again = read("rows", {"output": rows[None]})
    assert found.options["unit"] == "fractions"
    np.testing.assert_allclose(again.boxes_xyxy, candidates.boxes_xyxy, rtol=1e-6)


def filled_up(rows, count=100):
    """Rows of detections, then zeros, as graphs of a static size give them."""
    return np.concatenate([np.float32(rows).reshape(-1, 6), np.zeros((count, 6), np.float32)])


def three(rows):
    return {"boxes": rows[:, :4], "scores": rows[:, 4], "labels": rows[:, 5].astype(np.int64)}


@pytest.mark.parametrize("name", ["rows", "boxes_scores_labels"])
def test_rows_that_fill_up_say_nothing_of_the_unit(name):
    nothing = filled_up([])
    outputs = {"output": nothing} if name == "rows" else three(nothing)
    assert read(name, outputs)[0].options["unit"] == "pixels"


LATER = [
    ([0.1, 0.2, 0.5, 0.6, 0.9, 1], "pixels", '"unit": "fractions"'),
    ([10, 20, 50, 60, 0.9, 1], "fractions", '"unit": "pixels"'),
    ([10, 20, 50, 60, 2, 0], "pixels", "scores in 0..1"),
]


@pytest.mark.parametrize("name", ["rows", "boxes_scores_labels"])
@pytest.mark.parametrize(("row", "unit", "words"), LATER)
def test_what_noise_did_not_show_is_an_error_once_it_shows(name, row, unit, words):
    """The graph found nothing in noise, and something else than was assumed in a picture."""
    outputs = {"output": filled_up([])} if name == "rows" else three(filled_up([]))
    family = FAMILIES[name]
    found = family.recognise(Evidence(SIZE, outputs, options={"unit": unit}))
    rows = filled_up([row])
    decode = family.decoder(found, SIZE, 5)
    with pytest.raises(ModelError, match=words):
        decode([rows] if name == "rows" else list(three(rows).values()))


def test_a_score_in_the_place_of_a_label_is_an_error():
    found = FAMILIES["rows"].recognise(Evidence(SIZE, {"output": filled_up([])}))
    with pytest.raises(ModelError, match="whole labels"):
        FAMILIES["rows"].decoder(found, SIZE, 5)([filled_up([10, 20, 50, 60, 1, 0.9])])


def test_doubtful_boxes_and_those_without_area_say_nothing_of_the_unit():
    found = FAMILIES["rows"].recognise(Evidence(SIZE, {"output": filled_up([])}))
    rows = filled_up([[0, 0, 2, 3, 0.1, 0], [0, 0, 0, 0, 0.9, 1], [np.nan] * 4 + [0.5, 1]])
    assert len(FAMILIES["rows"].decoder(found, SIZE, 5)([rows]).scores) == 3


def test_rows_that_are_something_else():
    rows = RANDOM.uniform(0, 1, (8, 6)).astype(np.float32)
    assert read("rows", {"output": rows[None]})[0] is None
    # Scores that are not in order, unless the user says that they are what they seem.
    rows = filled_up([[1, 2, 30, 40, 0.5, 1], [5, 6, 70, 80, 0.9, 0]])
    assert read("rows", {"output": rows})[0] is None
    _, candidates = read("rows", {"output": rows}, options={"unit": "pixels"})
    assert candidates.labels.tolist() == [0, 1]
