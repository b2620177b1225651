"""Recordings: real files, read back by OpenCV."""

import logging
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from seen_frames import paint, seen

from edgedet.runtime.camera.controls import Controls
from edgedet.runtime.errors import DeviceError
from edgedet.runtime.outputs import recording, segment, video_form
from edgedet.runtime.outputs.kept_folder import KeptFolder
from edgedet.runtime.outputs.recording import FPS, Recorder, RecordingRules
from edgedet.runtime.outputs.snapshots import PICTURES
from edgedet.runtime.outputs.video_form import FORMS

cv2 = pytest.importorskip("cv2")

KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from seen_frames import paint, seen
from edgedet.runtime.camera.controls import Controls
from edgedet.runtime.outputs import video_form
from edgedet.runtime.outputs.recording import Recorder, RecordingRules
folder, index = sys.argv[1].rsplit(":", 1)
video_form.FORMS = video_form.FORMS[int(index):]
controls = Controls(0.5)
controls.recording = True
recorder = Recorder(RecordingRules(Path(folder)), controls, paint)
import numpy as np
rng = np.random.RandomState(0)
for number in range(300):
    one = seen(number / 15.0, number=number, size_hw=(240, 320))
    one.frame.image_bgr[:] = rng.randint(0, 255, one.frame.image_bgr.shape)
    recorder.put(one)
print("written", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(params=FORMS, ids=lambda form: form.suffix)
def form(request, monkeypatch, tmp_path):
    monkeypatch.setattr(video_form, "FORMS", (request.param,))
    try:
        video_form.video_form(tmp_path)
    except DeviceError:
        pytest.skip("this OpenCV does not write " + request.param.suffix)
    return request.param


@pytest.fixture
def record(tmp_path):
    """A recorder and its folder, recording."""
    made = []

    def begin(**rules):
        controls = Controls(0.5)
        controls.recording = True
        folder = tmp_path / "recordings"
        made.append(Recorder(RecordingRules(folder, **rules), controls, paint))
        return made[-1], controls, folder

    yield begin
    for recorder in made:
        recorder.close()


def frames_of(path):
    capture = cv2.VideoCapture(str(path))
    assert capture.isOpened()
    frames = []
    while True:
        there, image = capture.read()
        if not there:
            return frames
        frames.append(image)


def put(recorder, times_s, **more):
    for number, at_s in enumerate(times_s):
        recorder.put(seen(at_s, number=number, **more))


def test_frames_lie_at_their_times(form, record):
    """5 a second become 15: the grey of a frame tells when it stands."""
    recorder, _, folder = record()
    for number in range(40):
        recorder.put(seen(5.0 + number / 5, number=6 * number))
    recorder.close()
    (path,) = folder.iterdir()
    frames = frames_of(path)
    assert path.suffix == form.suffix
    assert len(frames) == 39 * 3 + 1
    for index, frame in enumerate(frames):
        assert abs(float(frame.mean()) / 6 - index / 3) < 1.0


def test_more_frames_than_a_file_holds_are_left_out(form, record):
    recorder, _, folder = record()
    put(recorder, np.arange(61) / 60)
    recorder.close()
    (path,) = folder.iterdir()
    assert len(frames_of(path)) == FPS + 1


def test_a_new_file_after_its_length_a_gap_and_for_another_size(form, record):
    recorder, _, folder = record(segment_s=1.0)
    put(recorder, np.arange(25) / 10)  # 3 files
    put(recorder, 60 + np.arange(5) / 10)  # after a gap
    put(recorder, 60.5 + np.arange(4) / 10, size_hw=(64, 48))
    recorder.close()
    files = sorted(folder.iterdir())
    assert len(files) == 5
    shapes = sorted(frames_of(path)[0].shape[:2] for path in files)
    assert shapes == [(48, 64)] * 4 + [(64, 48)]


def test_each_camera_has_files_of_its_own_and_each_is_told(form, record, caplog):
    recorder, _, folder = record()
    with caplog.at_level(logging.INFO):
        for camera in ("door", "yard"):
            put(recorder, np.arange(10) / 15, camera=camera)
    recorder.close()
    files = sorted(folder.iterdir())
    assert [path.name.split("_")[0] for path in files] == ["door", "yard"]
    told = [one.getMessage() for one in caplog.records]
    assert told == ["recording {}".format(path) for path in files]


def test_it_stops_and_goes_on_as_told(form, record):
    recorder, controls, folder = record()
    controls.recording = False
    put(recorder, np.arange(5) / 15)
    assert not folder.exists()
    for _ in range(2):
        controls.recording = True
        put(recorder, np.arange(5) / 15)
        controls.recording = False
        put(recorder, [1.0])
    assert len(list(folder.iterdir())) == 2
    assert all(len(frames_of(path)) == 5 for path in folder.iterdir())


def test_the_file_of_a_camera_that_is_gone_is_finished(form, record, monkeypatch):
    """Also when it is the only one; else its last seconds would be lost with the power."""
    recorder, controls, folder = record()
    clock = [100.0]
    monkeypatch.setattr(recording.time, "monotonic", lambda: clock[0])
    put(recorder, np.arange(5) / 15)
    recorder.idle()
    assert recorder._segments
    clock[0] += recording.IDLE_S + 1
    recorder.idle()
    (path,) = folder.iterdir()
    assert not recorder._segments
    assert len(frames_of(path)) == 5
    put(recorder, 60 + np.arange(5) / 15)
    clock[0] += recording.IDLE_S + 1
    put(recorder, 71 + np.arange(5) / 15, camera="yard")
    assert list(recorder._segments) == ["yard"]
    controls.recording = False
    recorder.idle()
    assert not recorder._segments
    assert len(list(folder.iterdir())) == 3


@pytest.mark.parametrize("index", range(len(FORMS)), ids=[form.suffix for form in FORMS])
def test_a_killed_recording_plays(tmp_path, index):
    """All but what the writer held back: 256 kB of FFmpeg, which are a second of this noise."""
    places = [str(Path(__file__).parent), *sys.path]
    command = [sys.executable, "-c", KILLED, "{}:{}".format(tmp_path / "r", index), *places]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if b"DeviceError" in ran.stderr:
        pytest.skip("this OpenCV does not write " + FORMS[index].suffix)
    assert (ran.returncode, ran.stdout) == (-signal.SIGKILL, b"written\n"), ran.stderr
    (path,) = (tmp_path / "r").iterdir()
    assert len(frames_of(path)) > 250


def test_a_full_disk_is_told_and_recording_goes_on_later(record, monkeypatch, caplog):
    recorder, _, folder = record()
    clock = [100.0]
    monkeypatch.setattr(recording.time, "monotonic", lambda: clock[0])
    room = [True, False, False, True]
    monkeypatch.setattr(KeptFolder, "make_room", lambda self, in_use: room.pop(0))
    with caplog.at_level(logging.WARNING):
        for turn in range(4):
            put(recorder, 10 * turn + np.arange(5) / 15)
            clock[0] += recording.ROOM_EVERY_S
    recorder.close()
    assert [len(frames_of(path)) for path in folder.iterdir()] == [5, 5]
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert told[0].startswith("recording stops: no room left in ")
    assert told[1].startswith("recording goes on")


def test_a_file_that_does_not_open_is_tried_again_later(record, monkeypatch, caplog):
    recorder, _, folder = record()
    clock = [100.0]
    monkeypatch.setattr(recording.time, "monotonic", lambda: clock[0])
    put(recorder, [0.0])
    recorder.close()
    monkeypatch.setattr(segment, "open_writer", lambda *unused: None)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            put(recorder, np.arange(5) / 15)
            clock[0] += recording.RETRY_S
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith("recording waits, and is tried every 10 s: expected a video of 64x48 in")
    monkeypatch.undo()
    monkeypatch.setattr(recording.time, "monotonic", lambda: clock[0])
    clock[0] += recording.RETRY_S
    put(recorder, 1 + np.arange(5) / 15)
    recorder.close()
    assert len(list(folder.iterdir())) == 2


def test_the_budget_holds_over_many_files(record, monkeypatch):
    recorder, _, folder = record(segment_s=0.5, budget_bytes=60_000)
    monkeypatch.setattr(recording, "ROOM_EVERY_S", 0.0)
    rng = np.random.RandomState(0)
    for number in range(300):
        one = seen(number / 15, number=number)
        one.frame.image_bgr[:] = rng.randint(0, 255, one.frame.image_bgr.shape)
        recorder.put(one)
    recorder.close()
    sizes = [path.stat().st_size for path in folder.iterdir()]
    assert 2 < len(sizes) < 40
    assert sum(sizes) < 60_000 + 2 * max(sizes)


def test_pictures_of_events_may_lie_in_the_same_folder(form, record):
    """Each kind has its budget, and leaves the other's files alone, the one in use above all."""
    recorder, _, folder = record(budget_bytes=1)
    put(recorder, np.arange(5) / 15)
    pictures = KeptFolder(folder, 1, PICTURES)
    (folder / "door_2026-01-01T00-00-00Z.jpg").write_bytes(b"12")
    assert pictures.make_room([])
    recorder.close()
    (path,) = folder.iterdir()
    assert len(frames_of(path)) == 5
    (folder / "door_2026-01-01T00-00-00Z.jpg").write_bytes(b"12")
    assert recorder._opened().make_room([])
    assert [left.suffix for left in folder.iterdir()] == [".jpg"]


def test_an_opencv_that_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(video_form, "open_writer", lambda *unused: None)
    with pytest.raises(DeviceError, match="writes .mkv or .avi"):
        video_form.video_form(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_goes_with_its_disk_is_made_again(record, monkeypatch, caplog):
    recorder, _, folder = record()
    clock = [100.0]
    monkeypatch.setattr(recording.time, "monotonic", lambda: clock[0])
    put(recorder, np.arange(5) / 15)
    shutil.rmtree(str(folder))
    folder.write_text("another disk")
    for turn in range(1, 4):
        clock[0] += recording.RETRY_S
        put(recorder, turn + np.arange(5) / 15)
    folder.unlink()
    clock[0] += recording.RETRY_S
    put(recorder, 9 + np.arange(5) / 15)
    recorder.close()
    (path,) = folder.iterdir()
    assert len(frames_of(path)) == 5
    told = [record.getMessage() for record in caplog.records]
    assert len([line for line in told if line.startswith("recording waits")]) <= 2
    assert told[-1].startswith("recording goes on")
