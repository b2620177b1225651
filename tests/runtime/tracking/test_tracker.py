import numpy as np
import pytest
from moving_scenes import SCENES, Scene, make_scene
from reference_tracker import ReferenceTracker

from edgedet.runtime import Detections
from edgedet.runtime.errors import UsageError
from edgedet.runtime.tracking.tracker import Tracker, TrackOptions

EMPTY = Detections.empty()


def _box(x, y, side=40.0):
    return [x - side / 2, y - side / 2, x + side / 2, y + side / 2]


def _seen(*boxes, **more):
    scores = more.get("scores", np.linspace(0.9, 0.8, len(boxes)))
    return Detections(np.reshape(boxes, (-1, 4)), scores, more.get("labels", [0] * len(boxes)))


def _follow(tracker, frames):
    return [tracker.update(frame.detections, frame.time_s).tolist() for frame in frames]


@pytest.mark.parametrize("name", sorted(SCENES))
def test_the_slow_reference_gives_the_same_ids(name):
    scene = SCENES[name]._replace(objects=7, seconds=min(SCENES[name].seconds, 5.0))
    frames = make_scene(scene)
    options = TrackOptions()
    reference = ReferenceTracker(options)
    expected = [reference.update(frame.detections, frame.time_s) for frame in frames]
    assert _follow(Tracker(options), frames) == expected
    assert max(map(max, filter(None, expected))) >= 7


@pytest.mark.parametrize("confirm_hits", [1, 2, 5])
def test_an_id_is_given_when_an_object_was_seen_often_enough(confirm_hits):
    tracker = Tracker(TrackOptions(confirm_hits=confirm_hits))
    ids = [tracker.update(_seen(_box(100 + 2 * i, 50)), i / 30).tolist() for i in range(8)]
    assert ids == [[-1]] * (confirm_hits - 1) + [[1]] * (9 - confirm_hits)


def test_a_false_alarm_of_one_frame_gets_no_id():
    tracker = Tracker()
    tracker.update(_seen(_box(100, 50)), 0.0)
    tracker.update(EMPTY, 0.1)
    assert tracker.update(_seen(_box(100, 50)), 0.2).tolist() == [-1]


def test_a_doubtful_detection_continues_a_track_and_begins_none():
    tracker = Tracker()
    for i in range(3):
        tracker.update(_seen(_box(100, 50)), i / 30)
    two = _seen(_box(100, 50), _box(300, 50), scores=[0.15, 0.14])
    assert tracker.update(two, 0.1).tolist() == [1, -1]
    assert tracker.update(two, 0.2).tolist() == [1, -1]
    weak = _seen(_box(100, 50), scores=[0.05])
    assert tracker.update(weak, 0.3).tolist() == [-1]
    # It was lost for a frame: a doubtful detection does not find it again, a sure one does.
    assert tracker.update(two, 0.4).tolist() == [-1, -1]
    assert tracker.update(_seen(_box(100, 50)), 0.5).tolist() == [1]


@pytest.mark.parametrize("fps", [2, 10, 60])
def test_a_track_waits_for_seconds_whatever_the_frame_rate(fps):
    for gap_s, expected in ((1.0, 1), (2.6, -1)):
        tracker = Tracker(TrackOptions(lost_s=2.0))
        for i in range(4):
            tracker.update(_seen(_box(100, 50)), i / fps)
        began = 3 / fps
        for i in range(1, int(gap_s * fps)):
            tracker.update(EMPTY, began + i / fps)
        assert tracker.update(_seen(_box(100, 50)), began + gap_s).tolist() == [expected]


def test_a_moving_object_is_found_again_where_it_must_be_after_dropped_frames():
    tracker = Tracker()
    for i in range(15):
        tracker.update(_seen(_box(100 + 10 * i, 200)), i / 30)
    # Half a second later it is 15 steps further; another one stands where it was.
    later = _seen(_box(100 + 10 * 29, 200), _box(240, 200))
    assert tracker.update(later, 29 / 30).tolist() == [1, -1]


def test_objects_that_cross_keep_their_ids():
    tracker = Tracker()
    for i in range(60):
        boxes = _box(100 + 5 * i, 200), _box(400 - 5 * i, 206)
        ids = tracker.update(_seen(*boxes), i / 30).tolist()
    assert ids == [1, 2]


def test_classes_do_not_mix():
    tracker = Tracker()
    for i in range(3):
        ids = tracker.update(_seen(_box(100, 50), _box(102, 50), labels=[0, 1]), i / 30)
    assert ids.tolist() == [1, 2]
    assert tracker.update(_seen(_box(100, 50), labels=[1]), 0.1).tolist() == [2]
    assert tracker.update(_seen(_box(100, 50), labels=[2]), 0.2).tolist() == [-1]


def test_the_time_between_frames_may_be_split():
    """What is expected after 0.4 s does not depend on frames without detections in between."""
    at_once, in_steps = Tracker(), Tracker()
    for i in range(5):
        for tracker in (at_once, in_steps):
            tracker.update(_seen(_box(100 + 4 * i, 200)), i / 30)
    for i in range(1, 12):
        in_steps.update(EMPTY, 4 / 30 + i / 30)
    places = []
    for tracker in (at_once, in_steps):
        assert tracker.update(_seen(_box(170, 200)), 16 / 30).tolist() == [1]
        places.append(tracker._motion.boxes_xyxy)
    np.testing.assert_allclose(places[0], places[1], rtol=1e-9)


def test_a_clock_that_steps_back_does_no_harm():
    tracker = Tracker()
    for time_s in (5.0, 5.1, 5.2, 4.0, 4.1):
        ids = tracker.update(_seen(_box(100, 50)), time_s)
    assert ids.tolist() == [1]


def test_ids_are_never_used_again():
    tracker = Tracker()
    given = []
    for i in range(6):
        for k in range(3):
            ids = tracker.update(_seen(_box(100, 50)), 10 * i + k / 30)
        given += ids.tolist()
    assert given == [1, 2, 3, 4, 5, 6]


def test_options_may_change_between_frames():
    tracker = Tracker()
    tracker.options = tracker.options._replace(high_score=0.95, confirm_hits=1)
    assert tracker.update(_seen(_box(100, 50)), 0.0).tolist() == [-1]
    tracker.options = tracker.options._replace(high_score=0.5)
    assert tracker.update(_seen(_box(100, 50)), 0.1).tolist() == [1]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("high_score", 1.1),
        ("low_score", -0.1),
        ("least_iou", float("nan")),
        ("confirm_hits", 0),
        ("lost_s", -1.0),
        ("least_low_iou", 2.0),
    ],
)
def test_an_option_out_of_range_is_named(option, value):
    with pytest.raises(UsageError, match=option):
        Tracker(TrackOptions(**{option: value}))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_memory_does_not_grow_with_time(count):
    """Each detection is a track at once, and waits for 2 seconds, which are 20 frames."""
    tracker = Tracker(TrackOptions(confirm_hits=1))
    for i in range(400):
        random = np.random.RandomState(i)
        tracker.update(_seen(*[_box(*random.uniform(0, 9999, 2)) for _ in range(count)]), i / 10)
    assert len(tracker._motion) <= 21 * count


def test_many_objects_are_followed_at_once():
    random = np.random.RandomState(0)
    centres = random.uniform(0, 4000, (2000, 2))
    tracker = Tracker()
    for i in range(3):
        centres = centres + random.normal(0, 1, centres.shape)
        boxes = np.concatenate([centres - 15, centres + 15], axis=1)
        ids = tracker.update(Detections(boxes, np.linspace(0.9, 0.5, 2000), [0] * 2000), i / 30)
    known = ids[ids > 0]
    assert len(known) > 1980
    assert len(set(known.tolist())) == len(known)


def _scores(name):
    """MOTA and IDF1 of a scene, as motmetrics counts them."""
    motmetrics = pytest.importorskip("motmetrics")
    frames = make_scene(SCENES[name])
    tracker = Tracker()
    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    from edgedet.runtime.boxes import iou_matrix

    for frame in frames:
        ids = tracker.update(frame.detections, frame.time_s)
        boxes = frame.detections.boxes_xyxy[ids > 0].astype(float)
        apart = 1 - iou_matrix(frame.true_boxes, boxes)
        accumulator.update(frame.true_ids, ids[ids > 0], np.where(apart <= 0.5, apart, np.nan))
    summary = motmetrics.metrics.create().compute(accumulator, metrics=["mota", "idf1"])
    return float(summary["mota"].iloc[0]), float(summary["idf1"].iloc[0])


FLOORS = {
    "crossing": (0.92, 0.93),
    "crowd": (0.88, 0.90),
    "classes": (0.89, 0.91),
    "misses": (0.62, 0.74),
    "shake": (0.90, 0.89),
    "dropped": (0.84, 0.89),
    "slow camera": (0.90, 0.92),
    "small and fast": (0.68, 0.45),
}
"""Least MOTA and IDF1: a few hundredths below what was measured."""


@pytest.mark.parametrize("name", sorted(SCENES))
def test_motmetrics_finds_the_tracks_good(name):
    mota, idf1 = _scores(name)
    assert mota >= FLOORS[name][0]
    assert idf1 >= FLOORS[name][1]


def test_the_scenes_repeat():
    one, other = make_scene(Scene(seconds=1.0)), make_scene(Scene(seconds=1.0))
    assert [frame.detections for frame in one] == [frame.detections for frame in other]
