"""Scripted scenes, of which everyone can count the objects."""

import numpy as np
import pytest

from edgedet.runtime import Detections
from edgedet.runtime.tracking.tracker import Tracker
from edgedet.runtime.tracking.zone import zones_from
from edgedet.runtime.tracking.zones import FORGET_S, SETTLE_S, Zones

NAMES = ("person", "car")
SIZE = (480, 640)
GATE = {"name": "gate", "line": [[0.25, 0.5], [0.75, 0.5]], "anchor": "center"}
YARD = {
    "name": "yard",
    "polygon": [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]],
    "anchor": "center",
}


class Scene:
    """Puts objects with known tracks at places in a frame, and keeps the last counts."""

    def __init__(self, *definitions, **more):
        self.zones = Zones(zones_from(list(definitions), NAMES), len(NAMES))
        self.size_hw = more.get("size_hw", SIZE)
        self.time_s = 0.0
        self.counts = ()

    def show(self, *objects, **more):
        """objects: track, x, y as fractions, and maybe the label."""
        height, width = self.size_hw
        side = more.get("side", 0.1) * height
        centres = [[each[1] * width, each[2] * height] for each in objects]
        boxes = [[x - side / 2, y - side / 2, x + side / 2, y + side / 2] for x, y in centres]
        labels = [each[3] if len(each) > 3 else 0 for each in objects]
        detections = Detections(np.reshape(boxes, (-1, 4)), np.full(len(boxes), 0.9), labels)
        ids = np.array([each[0] for each in objects], np.int64)
        self.time_s += more.get("step_s", 0.1)
        self.counts = self.zones.update(detections, ids, self.size_hw, self.time_s)
        return self

    def walk(self, track, *points, **more):
        for point in points:
            self.show((track,) + point, **more)
        return self

    def passed(self, zone=0):
        """Forward and back, all classes together."""
        return sum(self.counts[zone].passed), sum(self.counts[zone].passed_back)


def test_a_line_counts_both_directions_by_class():
    scene = Scene(GATE)
    for y in np.linspace(0.3, 0.7, 9):
        scene.show((1, 0.4, y), (2, 0.5, 1 - y), (3, 0.6, y, 1))
    gate = scene.counts[0]
    assert gate.zone == "gate"
    assert gate.inside == ()
    assert gate.passed == (1, 1)
    assert gate.passed_back == (1, 0)


def test_only_the_segment_counts():
    scene = Scene(GATE)
    assert scene.walk(1, (0.1, 0.3), (0.1, 0.7), (0.9, 0.7), (0.9, 0.3)).passed() == (0, 0)


def test_an_object_that_jumps_over_the_line_counts():
    assert Scene(GATE).walk(1, (0.5, 0.1), (0.5, 0.9)).passed() == (1, 0)


def test_a_jump_that_passes_beside_the_segment_does_not_count():
    assert Scene(GATE).walk(1, (0.1, 0.1), (0.3, 0.9)).passed() == (0, 0)


def test_an_object_that_jitters_on_the_line_counts_once_when_it_goes_on():
    random = np.random.RandomState(0)
    scene = Scene(GATE).walk(1, (0.5, 0.3), (0.5, 0.45))
    for _ in range(200):
        scene.walk(1, (0.5, 0.5 + random.uniform(-0.009, 0.009)), step_s=0.03)
    scene.walk(1, (0.5, 0.55), (0.5, 0.7))
    assert scene.passed() == (1, 0)


def test_an_object_that_jitters_on_the_line_and_goes_back_does_not_count():
    random = np.random.RandomState(0)
    scene = Scene(GATE).walk(1, (0.5, 0.3), (0.5, 0.45))
    for _ in range(200):
        scene.walk(1, (0.5, 0.5 + random.uniform(-0.009, 0.009)), step_s=0.03)
    scene.walk(1, (0.5, 0.45), (0.5, 0.3))
    assert scene.passed() == (0, 0)


def test_each_crossing_counts_however_often_an_object_comes():
    scene = Scene(GATE)
    for _ in range(5):
        scene.walk(1, (0.5, 0.3), (0.5, 0.7))
    assert scene.passed() == (5, 4)


def test_an_object_that_stops_just_beyond_the_line_counts_after_a_moment():
    scene = Scene(GATE).walk(1, (0.5, 0.4), (0.5, 0.501))
    assert scene.passed() == (0, 0)
    scene.walk(1, (0.5, 0.501), step_s=SETTLE_S + 0.01)
    assert scene.passed() == (1, 0)
    assert scene.walk(1, (0.5, 0.501), (0.5, 0.6)).passed() == (1, 0)


@pytest.mark.parametrize("gap_s", [SETTLE_S + 0.01, FORGET_S + 5, 1000.0])
def test_an_object_that_vanishes_just_beyond_the_line_counts(gap_s):
    scene = Scene(GATE).walk(1, (0.5, 0.4), (0.5, 0.501))
    assert scene.show(step_s=gap_s).passed() == (1, 0)
    assert scene.show(step_s=gap_s).passed() == (1, 0)


def test_a_track_that_is_lost_and_reborn_on_either_side_counts_once():
    for lost_at in (0.45, 0.505, 0.6):
        scene = Scene(GATE).walk(1, (0.5, 0.3), (0.5, lost_at))
        scene.walk(2, (0.5, max(lost_at, 0.49)), (0.5, 0.6), (0.5, 0.8))
        scene.show(step_s=2.0)
        assert scene.passed() == (1, 0)


def test_a_polygon_counts_who_is_in_it_and_who_comes_and_goes():
    scene = Scene(YARD)
    scene.show((1, 0.1, 0.5), (2, 0.5, 0.5, 1))
    assert scene.counts[0].inside == (0, 1)
    scene.show((1, 0.5, 0.4), (2, 0.5, 0.5, 1))
    assert scene.counts[0] == ("yard", (1, 1), (1, 0), (0, 0))
    scene.show((1, 0.5, 0.4), (2, 0.9, 0.5, 1))
    assert scene.counts[0] == ("yard", (1, 0), (1, 0), (0, 1))


def test_who_begins_inside_has_not_entered():
    scene = Scene(YARD).walk(1, (0.5, 0.5), (0.52, 0.5)).walk(2, (0.5, 0.5), (0.9, 0.5))
    assert scene.passed() == (0, 1)


def test_jitter_on_an_edge_of_a_polygon_counts_nothing():
    random = np.random.RandomState(0)
    scene = Scene(YARD).walk(1, (0.1, 0.5))
    for _ in range(100):
        scene.walk(1, (0.25 + random.uniform(-0.006, 0.006), 0.5), step_s=0.03)
    assert scene.walk(1, (0.1, 0.5)).passed() == (0, 0)


def test_zones_hold_when_the_resolution_changes():
    scene = Scene(GATE, YARD).walk(1, (0.5, 0.1), (0.5, 0.4))
    scene.size_hw = (1080, 1920)
    scene.walk(1, (0.5, 0.45), (0.5, 0.6), (0.5, 0.9))
    assert scene.passed(0) == (1, 0)
    assert scene.passed(1) == (1, 1)


def test_only_the_named_classes_count():
    scene = Scene(dict(GATE, classes=["car"]), dict(YARD, classes=["car"]))
    for y in (0.1, 0.4, 0.6, 0.7):
        scene.show((1, 0.4, y, 0), (2, 0.6, y, 1))
    assert scene.counts[0].passed == (0, 1)
    assert scene.counts[1].inside == (0, 1)
    assert scene.counts[1].passed == (0, 1)


def test_the_lower_edge_is_what_stands_on_the_ground():
    feet = {key: value for key, value in GATE.items() if key != "anchor"}
    scene = Scene(feet)
    assert scene.walk(1, (0.5, 0.4), (0.5, 0.43), side=0.1).passed() == (0, 0)
    assert scene.walk(1, (0.5, 0.48), side=0.1).passed() == (1, 0)


def test_a_box_that_ends_at_the_edge_of_the_frame_is_inside_of_a_polygon_that_does():
    whole = [[0, 0], [1, 0], [1, 1], [0, 1]]
    scene = Scene({"name": "all", "polygon": whole})
    scene.show((1, 0.5, 0.95), (2, 0.0, 0.5), (3, 1.0, 0.5), side=0.1)
    assert scene.counts[0].inside == (3, 0)


def test_an_object_that_leaves_the_frame_over_a_line_at_its_edge_counts():
    low = {"name": "exit", "line": [[0, 0.98], [1, 0.98]]}
    scene = Scene(low)
    # 300 pixels high; its lower edge meets that of the frame, 2 % beyond the line.
    for bottom in (0.8, 0.9, 0.97, 1.0, 1.0):
        scene.show((1, 0.5, bottom - 0.3), side=0.6)
    scene.show(step_s=1.5)
    assert scene.passed() == (1, 0)


def test_detections_without_a_track_do_not_count():
    scene = Scene(GATE, YARD)
    for y in (0.1, 0.4, 0.6):
        scene.show((-1, 0.5, y), (-1, 0.6, y))
    assert scene.passed() == (0, 0)
    assert scene.counts[1].inside == (0, 0)


def test_without_tracking_a_polygon_still_tells_what_is_in_it():
    zones = Zones(zones_from([GATE, YARD], NAMES), len(NAMES))
    found = Detections([[300, 200, 340, 240], [0, 0, 40, 40]], [0.9, 0.8], [1, 1])
    gate, yard = zones.update(found, None, SIZE, 0.0)
    assert gate == ("gate", (), (0, 0), (0, 0))
    assert yard == ("yard", (0, 1), (0, 0), (0, 0))


def test_counts_are_plain_numbers():
    counts = Scene(GATE, YARD).walk(1, (0.5, 0.3), (0.5, 0.6)).counts
    for count in counts:
        for number in count.inside + count.passed + count.passed_back:
            assert type(number) is int


def test_memory_does_not_grow_with_tracks():
    scene = Scene(GATE, YARD)
    for track in range(500):
        scene.show((track, 0.5, 0.3))
    assert max(len(zone._memory.ids) for zone in scene.zones._zones) <= FORGET_S / 0.1 + 2


def test_a_street_is_counted_exactly_from_detections():
    """Tracker and zones: 12 cars drive down, 8 up, on lanes, with jitter, misses and drops."""
    random = np.random.RandomState(7)
    tracker = Tracker()
    line = {"name": "street", "line": [[0, 0.5], [1, 0.5]]}
    zones = Zones(zones_from([line], NAMES), 2)
    starts = np.sort(random.uniform(0, 30, 20))
    down = np.arange(20) % 5 < 3
    lanes = np.where(down, 200, 440)
    # Those of one lane follow each other at a distance.
    for direction in (True, False):
        starts[down == direction] = np.arange((down == direction).sum()) * 2.0
    counts = ()
    for number in range(30 * 36):
        time_s = number / 30
        if random.uniform() < 0.3:
            continue
        way = (time_s - starts) * 160
        y = np.where(down, way, 480 - way)
        shown = (y > 0) & (y < 480) & (random.uniform(size=20) > 0.1)
        centres = np.stack([lanes, y], axis=1)[shown] + random.normal(0, 2, (shown.sum(), 2))
        boxes = np.concatenate([centres - 40, centres + 40], axis=1)
        found = Detections(boxes, np.full(len(boxes), 0.8), [1] * len(boxes))
        counts = zones.update(found, tracker.update(found, time_s), SIZE, time_s)
    assert counts[0].passed == (0, 12)
    assert counts[0].passed_back == (0, 8)
