import numpy as np
import pytest

from edgedet.runtime import Detections
from edgedet.runtime.errors import UsageError
from edgedet.runtime.tracking.following import Follower, FollowOptions
from edgedet.runtime.tracking.smoothing import FORGET_S, ScoreSmoother


def _one(score, x=100.0):
    return Detections([[x, 100, x + 50, 150]], [score], [0])


def test_a_score_moves_by_half_within_the_half_life():
    for steps in (1, 5):
        smoother = ScoreSmoother(0.5)
        ids = np.array([4])
        smoother.update(_one(0.8), ids, 0.0)
        for step in range(1, steps + 1):
            found, _ = smoother.update(_one(0.4), ids, 0.5 * step / steps)
        # As many frames as there may be within that time.
        assert found.scores[0] == pytest.approx(0.6)


def test_steady_scores_do_not_change():
    smoother = ScoreSmoother(0.5)
    for i in range(50):
        found, _ = smoother.update(_one(0.7), np.array([1]), i / 30)
        assert found == _one(0.7)


def test_a_new_track_begins_with_its_own_score():
    smoother = ScoreSmoother(2.0)
    smoother.update(_one(0.9), np.array([1]), 0.0)
    assert smoother.update(_one(0.3), np.array([2]), 0.1)[0] == _one(0.3)


def test_detections_without_a_track_stay_as_they_are():
    smoother = ScoreSmoother(2.0)
    two = Detections([[0, 0, 9, 9], [0, 0, 8, 8]], [0.9, 0.2], [0, 1])
    for i in range(3):
        found, ids = smoother.update(two, np.array([-1, -1]), i / 30)
    assert found == two
    assert ids.tolist() == [-1, -1]


def test_detections_and_tracks_are_sorted_together():
    smoother = ScoreSmoother(1.0)
    boxes, labels = [[0, 0, 9, 9], [50, 0, 70, 8]], [0, 1]
    smoother.update(Detections(boxes, [0.9, 0.1], labels), np.array([7, 8]), 0.0)
    found, ids = smoother.update(Detections(boxes[::-1], [0.5, 0.4], [1, 0]), np.array([8, 7]), 0.1)
    assert ids.tolist() == [7, 8]
    assert found.labels.tolist() == [0, 1]
    assert found.boxes_xyxy.tolist() == boxes


def test_tracks_are_forgotten():
    smoother = ScoreSmoother(1.0)
    for i in range(300):
        smoother.update(_one(0.5), np.array([i]), i * 0.1)
    assert len(smoother._memory.ids) <= FORGET_S / 0.1 + 2


@pytest.mark.parametrize("half_life_s", [0, -1, float("nan"), float("inf")])
def test_a_half_life_is_a_time(half_life_s):
    with pytest.raises(UsageError, match="half-life"):
        ScoreSmoother(half_life_s)


def _shown(scores, half_life_s, confidence=0.5):
    follower = Follower(FollowOptions(half_life_s=half_life_s))
    shown = []
    for i, score in enumerate(scores):
        enough = score >= follower.floor(confidence)
        found = _one(score) if enough else Detections.empty()
        shown.append(len(follower.update(found, i / 30, confidence)[0]) == 1)
    return np.array(shown)


def _flips(shown):
    return int(np.count_nonzero(np.diff(shown.astype(int))))


def test_an_object_near_the_threshold_does_not_flicker():
    random = np.random.RandomState(0)
    for mean in (0.48, 0.5, 0.55):
        scores = np.clip(random.normal(mean, 0.08, 300), 0.01, 0.99)
        steadied, plain = _shown(scores, 0.5), _shown(scores, 0.0)
        assert _flips(plain) > 50
        # It shows and hides until its track begins, with two sure frames after each other.
        assert _flips(steadied) < _flips(plain) / 4
        assert steadied[60:].all()


def test_what_is_surely_above_or_below_is_shown_as_without_smoothing():
    for score in (0.9, 0.3):
        scores = np.full(60, score)
        assert (_shown(scores, 0.5) == (score >= 0.5)).all()


def test_an_object_that_fades_away_is_not_shown_for_long():
    scores = np.concatenate([np.full(60, 0.9), np.full(60, 0.25)])
    shown = _shown(scores, 0.3)
    assert shown[:60].all()
    assert not shown[60 + 30 :].any()
