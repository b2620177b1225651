import numpy as np
import pytest

from edgedet.runtime import Detections
from edgedet.runtime.tracking.following import Follower, FollowOptions


def _seen(scores):
    boxes = [[100 * i, 100, 100 * i + 50, 150] for i in range(len(scores))]
    return Detections(np.reshape(boxes, (-1, 4)), scores, [0] * len(scores))


def test_only_what_is_sure_enough_is_shown():
    follower = Follower()
    for i in range(4):
        found, ids = follower.update(_seen([0.9, 0.5, 0.3]), i / 30, 0.5)
    assert found == _seen([0.9, 0.5])
    assert ids.tolist() == [1, 2]


def test_a_doubtful_moment_is_not_shown_but_keeps_the_id():
    follower = Follower()
    for i in range(4):
        follower.update(_seen([0.9]), i / 30, 0.5)
    for i in range(4, 100):
        assert len(follower.update(_seen([0.25]), i / 30, 0.5)[0]) == 0
    assert follower.update(_seen([0.9]), 100 / 30, 0.5)[1].tolist() == [1]


def test_the_confidence_acts_at_once():
    follower = Follower()
    for i in range(4):
        follower.update(_seen([0.9, 0.5]), i / 30, 0.4)
    assert len(follower.update(_seen([0.9, 0.5]), 0.2, 0.8)[0]) == 1
    assert follower.update(_seen([0.9, 0.5]), 0.3, 0.4)[1].tolist() == [1, 2]


@pytest.mark.parametrize("confidence", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("half_life_s", [0.0, 0.5])
def test_any_confidence_will_do(confidence, half_life_s):
    follower = Follower(FollowOptions(half_life_s=half_life_s))
    assert 0 <= follower.floor(confidence) <= confidence
    for i in range(3):
        found, ids = follower.update(_seen([0.9, 0.1]), i / 30, confidence)
        assert len(found) == len(ids) == sum(score >= confidence for score in (0.9, 0.1))
    assert len(follower.update(Detections.empty(), 1.0, confidence)[0]) == 0


def test_with_smoothing_what_is_shown_stays_a_little_below_the_confidence():
    follower = Follower(FollowOptions(half_life_s=0.2))
    shown = []
    # Shares of the confidence: 1.2, 0.9 (held), 0.6 (gone), 0.9 (not shown again), 1.2.
    for number in range(100):
        score = (0.6, 0.45, 0.3, 0.45, 0.6)[number // 20]
        shown.append(len(follower.update(_seen([score]), number / 10, 0.5)[0]))
    assert [shown[number] for number in (19, 39, 59, 79, 99)] == [1, 1, 0, 0, 1]
