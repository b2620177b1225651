"""The loop: newest frames, fair turns, ages, and what outputs get."""

import threading
import time

import numpy as np
import pytest

from edgedet.runtime.camera.controls import Controls
from edgedet.runtime.camera.health import Health
from edgedet.runtime.camera.inbox import Inbox
from edgedet.runtime.camera.insight import Insight
from edgedet.runtime.camera.live_frame import LiveFrame
from edgedet.runtime.camera.loop import Batching, Camera, Loop, Road
from edgedet.runtime.camera.outlet import Outlet
from edgedet.runtime.camera.output import Output
from edgedet.runtime.detections import Detections
from edgedet.runtime.postprocess import Thresholds
from edgedet.runtime.tracking.following import Follower

INFERENCE_S = 0.06
NOT_PATIENT = Batching()


class Finder:
    """Takes its time, and finds one object whose score is the frame's first pixel."""

    def __init__(self, seconds=0.0):
        self.thresholds = Thresholds(0.5, 0.5, 100)
        self.seconds, self.batches = seconds, []

    def batch(self, images_bgr):
        self.batches.append([int(image[0, 0, 0]) for image in images_bgr])
        time.sleep(self.seconds)
        return [self._find(image) for image in images_bgr]

    def _find(self, image):
        score = image[0, 0, 0] / 100
        if score < self.thresholds.score:
            return Detections.empty()
        return Detections([[1, 1, 5, 5]], [score], [0])


class Kept(Output):
    name = "kept"
    keeps_all = True

    def __init__(self):
        self.seen = []

    def put(self, one):
        self.seen.append(one)


def frame(camera, number, value=80, at_s=None):
    image_bgr = np.full((8, 8, 3), value, np.uint8)
    at_s = time.monotonic() if at_s is None else at_s
    return LiveFrame(camera, image_bgr, number, at_s, 0.0, at_s)


def run(finder, names, feed, batching=NOT_PATIENT, insight=Insight, controls=None, frames=None):
    """What an output got of frames that `feed` puts into an inbox, meanwhile."""
    inbox, output = Inbox(names), Kept()
    cameras = {name: Camera(Health(name), insight()) for name in names}
    controls = controls or Controls(0.5)
    feeder = threading.Thread(target=feed, args=(inbox,))
    with Outlet(output) as outlet:
        loop = Loop(finder, cameras, batching)
        feeder.start()
        loop.run(Road(inbox, [outlet], controls, frames))
        inbox.close()
        feeder.join()
    return output.seen, {name: camera.health.read() for name, camera in cameras.items()}


def test_every_frame_of_a_patient_source_arrives_in_order():
    def feed(inbox):
        for number in range(100):
            inbox.put(frame("a", number), wait=True)
        inbox.leave("a")

    seen, vitals = run(Finder(), ["a"], feed, Batching(patient=True))
    assert [one.frame.number for one in seen] == list(range(100))
    assert vitals["a"].counts["processed"] == vitals["a"].counts["detected"] == 100


def test_a_camera_that_is_faster_than_the_network_never_makes_it_late():
    """60 frames a second, and a network that manages 15: no frame is older than two of its runs
    when its objects are known. The clock is real: a busy machine may delay one of them.
    """

    def feed(inbox):
        for number in range(120):
            inbox.put(frame("a", number))
            time.sleep(1 / 60)
        inbox.leave("a")

    seen, vitals = run(Finder(INFERENCE_S), ["a"], feed)
    ages_ms = sorted(one.age_ms for one in seen)
    assert len(seen) < 60
    assert ages_ms[int(0.9 * len(ages_ms))] < 2 * 1000 * INFERENCE_S
    numbers = [one.frame.number for one in seen]
    assert numbers == sorted(set(numbers))


def test_cameras_take_turns_however_fast_each_is():
    def feed(inbox):
        for number in range(200):
            for camera in ["fast"] * 3 + ["slow"]:
                inbox.put(frame(camera, number))
            time.sleep(0.001)
        inbox.leave("fast")
        inbox.leave("slow")

    seen, vitals = run(Finder(0.005), ["fast", "slow"], feed)
    counts = [vitals[name].counts["processed"] for name in ("fast", "slow")]
    assert abs(counts[0] - counts[1]) <= 2


def test_a_batch_takes_the_newest_of_several_cameras_together():
    finder = Finder()

    def feed(inbox):
        inbox.leave("a")
        inbox.leave("b")

    inbox_frames = [frame("a", 0, 70), frame("b", 0, 90)]
    inbox, output = Inbox(["a", "b"]), Kept()
    for one in inbox_frames:
        inbox.put(one)
    feed(inbox)
    cameras = {name: Camera(Health(name), Insight()) for name in ("a", "b")}
    with Outlet(output) as outlet:
        road = Road(inbox, [outlet], Controls(0.5))
        Loop(finder, cameras, Batching(4, patient=True)).run(road)
    assert finder.batches == [[70, 90]]
    assert [one.frame.camera for one in output.seen] == ["a", "b"]


def test_the_confidence_acts_from_the_next_frame_on():
    controls = Controls(0.5)

    def feed(inbox):
        for number in range(20):
            if number == 10:
                controls.confidence = 0.9
            inbox.put(frame("a", number, 80), wait=True)
            inbox.put(frame("a", number, 80), wait=True)  # the one before was taken
        inbox.leave("a")

    seen, _ = run(Finder(), ["a"], feed, Batching(patient=True), controls=controls)
    found = [len(one.detections) for one in seen]
    assert found[:19] == [1] * 19
    assert found[22:] == [0] * 18  # the frames in between may be on either side


def test_tracks_go_on_with_doubtful_detections_that_are_not_shown():
    finder = Finder()
    values = [80, 80, 80, 40, 80, 10]

    def feed(inbox):
        for number, value in enumerate(values):
            inbox.put(frame("a", number, value, at_s=number / 10), wait=True)
        inbox.leave("a")

    seen, _ = run(finder, ["a"], feed, Batching(patient=True), lambda: Insight(Follower()))
    assert finder.thresholds.score < 0.4
    assert [one.track_ids.tolist() for one in seen] == [[-1], [1], [1], [], [1], []]


def test_it_ends_after_so_many_frames_and_when_told():
    stop = threading.Event()

    def feed(inbox):
        number = 0
        while not stop.is_set() and not inbox.over:
            inbox.put(frame("a", number))
            number += 1
            time.sleep(0.001)

    seen, _ = run(Finder(), ["a"], feed, frames=5)
    assert len(seen) == 5
    controls = Controls(0.5)
    timer = threading.Timer(0.1, controls.stop)
    timer.start()
    run(Finder(), ["a"], feed, controls=controls)
    stop.set()
    timer.join()


def test_what_the_detector_raises_ends_it():
    class Broken(Finder):
        def batch(self, images_bgr):
            raise ZeroDivisionError("no")

    def feed(inbox):
        inbox.put(frame("a", 0))

    with pytest.raises(ZeroDivisionError):
        run(Broken(), ["a"], feed)


def test_zones_need_tracks():
    with pytest.raises(ValueError, match="without tracks"):
        Insight(None, object())
