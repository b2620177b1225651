"""Events of a run, with pictures."""

import pytest
from seen_frames import CLASS_NAMES, paint, seen

from edgedet.runtime.outputs.event_queue import EventQueue, EventTarget
from edgedet.runtime.outputs.events import Events
from edgedet.runtime.outputs.kept_folder import KeptFolder
from edgedet.runtime.outputs.presence import Presence
from edgedet.runtime.outputs.snapshots import Snapshots

cv2 = pytest.importorskip("cv2")


class Target(EventTarget):
    name = "target"

    def __init__(self):
        self.taken = []

    def send(self, event):
        self.taken.append(event)


def run(snapshots=None):
    target, told = Target(), []
    presence = Presence(["person"], CLASS_NAMES)
    events = Events(presence, CLASS_NAMES, [EventQueue(target)], snapshots, told.append)
    for number in range(60):
        labels = [2, 2, 0] if 10 <= number < 30 else [0]
        events.put(seen(number / 10, labels, number))
    events.close()
    return target.taken, told


def test_appeared_and_gone(tmp_path):
    sent, told = run()
    assert sent == told
    first, last = sent
    assert (first["event"], first["class"], first["count"]) == ("appeared", "person", 2)
    assert (first["camera"], first["frame"], first["snapshot"]) == ("door", 13, None)
    assert [found["class"] for found in first["detections"]] == ["person", "person"]
    assert (last["event"], last["count"], last["detections"]) == ("gone", 0, [])
    assert last["frame"] == 49


def test_a_picture_of_what_appeared(tmp_path):
    sent, _ = run(Snapshots(KeptFolder(tmp_path, 10**9), paint))
    (path,) = tmp_path.iterdir()
    assert [event["snapshot"] for event in sent] == [path.name, None]
    assert abs(int(cv2.imread(str(path)).mean()) - 13) <= 1


def test_a_folder_of_pictures_that_somebody_removed_is_made_again(tmp_path):
    snapshots = Snapshots(KeptFolder(tmp_path / "events", 10**9), paint)
    (tmp_path / "events").rmdir()
    name = snapshots.take(seen())
    assert [path.name for path in (tmp_path / "events").iterdir()] == [name]


def test_a_picture_that_cannot_be_written_does_not_stop_the_event(tmp_path, caplog, monkeypatch):
    folder = KeptFolder(tmp_path, 10**9)
    monkeypatch.setattr(folder, "new_path", lambda camera, suffix: tmp_path / "no" / "x\0.jpg")
    monkeypatch.setattr(folder, "make_room", lambda in_use: False)
    sent, _ = run(Snapshots(folder, paint))
    assert [event["snapshot"] for event in sent] == [None, None]
    assert "no snapshot" in caplog.text
