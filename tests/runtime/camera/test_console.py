"""What the terminal is told of cameras."""

import numpy as np

from edgedet.runtime.camera import console as module
from edgedet.runtime.camera.console import Console, closing_line
from edgedet.runtime.camera.health import Health
from edgedet.runtime.camera.live_frame import LiveFrame
from edgedet.runtime.camera.seen import Seen
from edgedet.runtime.detections import Detections


def seen(camera):
    frame = LiveFrame(camera, np.zeros((4, 6, 3), np.uint8), 0, 0.0, 0.0, 0.0)
    found = Detections(np.zeros((2, 4), np.float32), np.array([0.9, 0.8], np.float32), [1, 1])
    return Seen(frame, found, None, (), 20.0, 31.0)


def test_a_line_a_second_for_each_camera(monkeypatch):
    class Clock:
        now_s = 0.0

        def monotonic(self):
            return self.now_s

    clock, lines = Clock(), []
    monkeypatch.setattr(module, "time", clock)
    cameras = {name: Health(name) for name in ("door", "yard")}
    console = Console(cameras, ("pear", "apple"), lines.append)
    for clock.now_s in (0.0, 0.4, 0.9, 1.1):
        console.put(seen("door"))
    console.put(seen("yard"))
    line = "{}: 2 apple; 20.0 ms each, 31 ms old"
    assert lines == [line.format("door"), line.format("door"), line.format("yard")]


def test_the_rate_is_told_once_there_is_one(monkeypatch):
    health, lines = Health("door"), []
    vitals = health.read()
    monkeypatch.setattr(health, "read", lambda: vitals._replace(rates={"processed": 24.94}))
    Console({"door": health}, ("pear", "apple"), lines.append).put(seen("door"))
    assert lines == ["door: 2 apple; 24.9 fps, 20.0 ms each, 31 ms old"]


def test_what_is_told_at_the_end():
    counts = {"captured": 3, "dropped": 0, "processed": 1, "detected": 1}
    calm = Health("door").read()._replace(counts=counts)
    assert closing_line(calm, 2.0) == "door: looked at 1 frame in 2.0 s, 0.5 a second"
    counts = {"captured": 13, "dropped": 3, "processed": 10, "detected": 1}
    rough = calm._replace(counts=counts, gaps=1, gap_s=4.25, reopened=5)
    assert closing_line(rough, 5.0) == (
        "door: looked at 10 frames in 5.0 s, 2.0 a second; skipped 3 because newer ones had come; "
        "1 gap, 4.2 s in all, tried again 5 times"
    )
