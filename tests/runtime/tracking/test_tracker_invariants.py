import numpy as np
import pytest

from edgedet.runtime import Detections
from edgedet.runtime.tracking.tracker import Tracker

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import strategies  # noqa: E402

settings = hypothesis.settings(max_examples=60, deadline=None)


@strategies.composite
def sequences(draw):
    """Frames of boxes [n,4], labels and times, with distinct boxes and one score for all."""
    random = np.random.RandomState(draw(strategies.integers(0, 2**31)))
    count = draw(strategies.integers(0, 12))
    centres = random.uniform(0, 600, (count, 2))
    frames, time_s = [], 0.0
    for _ in range(draw(strategies.integers(1, 12))):
        time_s += draw(strategies.sampled_from([0.0, 0.033, 0.1, 1.0, 5.0]))
        centres = centres + random.normal(0, 12, centres.shape)
        shown = random.uniform(size=count) < 0.8
        half = random.uniform(0, 40, (count, 2))
        boxes = np.concatenate([centres - half, centres + half], axis=1)[shown]
        frames.append((boxes.astype(np.float32), np.arange(count)[shown] % 2, time_s))
    return frames


def _ids(frames, change=lambda boxes: boxes):
    tracker = Tracker()
    return [
        tracker.update(Detections(change(boxes), np.full(len(boxes), 0.7), labels), time_s)
        for boxes, labels, time_s in frames
    ]


@settings
@hypothesis.given(sequences())
def test_ids_are_unique_within_a_frame_and_keep_their_class(frames):
    class_of = {}
    for ids, (boxes, labels, _) in zip(_ids(frames), frames):
        assert ids.dtype == np.int64
        assert ids.shape == (len(boxes),)
        known = ids[ids != -1]
        assert (known >= 1).all()
        assert len(set(known.tolist())) == len(known)
        for each, label in zip(ids.tolist(), labels.tolist()):
            assert each == -1 or class_of.setdefault(each, label) == label


@settings
@hypothesis.given(sequences(), strategies.integers(0, 2**31))
def test_the_order_of_detections_does_not_matter(frames, seed):
    random = np.random.RandomState(seed)
    orders = [random.permutation(len(boxes)) for boxes, _, _ in frames]
    mixed = [
        (boxes[order], labels[order], time_s)
        for (boxes, labels, time_s), order in zip(frames, orders)
    ]
    names = {-1: -1}
    for ids, others, order in zip(_ids(frames), _ids(mixed), orders):
        # New tracks are numbered in the order given, so the same track may have another name.
        for one, other in zip(ids[order].tolist(), others.tolist()):
            assert names.setdefault(one, other) == other
    assert len(set(names.values())) == len(names)


@settings
@hypothesis.given(sequences(), strategies.integers(-64, 64), strategies.integers(-64, 64))
def test_moving_the_whole_picture_changes_nothing(frames, right, down):
    # Steps of 1/16 pixel stay exact in float32, so only the place changes.
    grid = [(np.round(boxes * 16) / 16, labels, time_s) for boxes, labels, time_s in frames]
    moved = _ids(grid, lambda boxes: boxes + np.float32([right, down, right, down]) * 16)
    for one, other in zip(_ids(grid), moved):
        assert one.tolist() == other.tolist()


@settings
@hypothesis.given(sequences())
def test_nothing_becomes_nan(frames):
    tracker = Tracker()
    for boxes, labels, time_s in frames:
        tracker.update(Detections(boxes, np.full(len(boxes), 0.7), labels), time_s)
        assert np.isfinite(tracker._motion.boxes_xyxy).all()
        assert np.isfinite(tracker._motion.reach_xy).all()
