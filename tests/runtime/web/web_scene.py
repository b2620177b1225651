"""Cameras that nobody opened, for the page: frames and health made by hand."""

import http.client
import json
import threading
import time
from contextlib import contextmanager

import numpy as np

from edgedet.runtime.camera.controls import Controls
from edgedet.runtime.camera.health import Health
from edgedet.runtime.camera.live_frame import LiveFrame
from edgedet.runtime.camera.picture import Painter
from edgedet.runtime.camera.scene import Scene as RunScene
from edgedet.runtime.camera.seen import Seen, ZoneCount
from edgedet.runtime.detections import Detections
from edgedet.runtime.web.options import WebOptions
from edgedet.runtime.web.server import WebServer

CLASS_NAMES = ("bottle", "cup", "person")
JSON = {"Content-Type": "application/json", "X-Edgedet": "1"}


def seen(camera="camera", number=0, labels=(0, 0, 2), size_hw=(120, 160), zones=(), noise=False):
    """What stands in a made-up frame; its brightness tells its number."""
    rng = np.random.RandomState(number)
    image_bgr = np.full(size_hw + (3,), (number * 40) % 200 + 20, np.uint8)
    if noise:  # what JPEG cannot make small
        image_bgr = rng.randint(0, 256, image_bgr.shape).astype(np.uint8)
    corners = rng.uniform(5, 60, (len(labels), 2))
    boxes_xyxy = np.concatenate([corners, corners + 30], axis=1)
    scores = np.linspace(0.9, 0.5, len(labels))
    frame = LiveFrame(camera, image_bgr, number, time.monotonic(), time.time(), time.monotonic())
    return Seen(frame, Detections(boxes_xyxy, scores, labels), None, tuple(zones), 12.0, 25.0)


def zone(name, inside, passed=(0, 0, 0), back=(0, 0, 0)):
    return ZoneCount(name, tuple(inside), tuple(passed), tuple(back))


class Scene:
    """A server and what it shows."""

    def __init__(self, cameras=("camera",), class_names=CLASS_NAMES, **options):
        self.health = {camera: Health(camera) for camera in cameras}
        self.controls = Controls(0.25)
        settings = WebOptions(**dict({"port": 0}, **options))
        known = (self.health, class_names, self.controls, Painter(class_names).paint)
        self.server = WebServer(settings, RunScene(*known, write=str, tell=str))
        self.port = self.server.port
        self._going = threading.Event()
        self._threads = []

    def show(self, number=0, camera="camera", **scene):
        health = self.health[camera]
        health.captured(time.monotonic())
        health.processed(25.0, 12.0, 1)
        self.server.put(seen(camera, number, **scene))

    def keep_showing(self, every_s=0.03, camera="camera", **scene):
        def run():
            number = 0
            while not self._going.wait(every_s):
                self.show(number, camera, **scene)
                number += 1

        self._threads.append(threading.Thread(target=run, daemon=True))
        self._threads[-1].start()

    def pause(self):
        """End what keeps showing."""
        self._going.set()
        for thread in self._threads:
            thread.join()
        self._threads = []
        self._going.clear()

    def connect(self, timeout_s=10):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)

    def ask(self, path, method="GET", body=None, headers=None):
        """Return status, headers and body of one request."""
        connection = self.connect()
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def post(self, path, values, **headers):
        return self.ask(path, "POST", json.dumps(values), dict(JSON, **headers))

    def state(self, **headers):
        return json.loads(self.ask("/api/state", headers=headers)[2].decode())

    def close(self):
        self.pause()
        self.server.close()


@contextmanager
def scene(**options):
    made = Scene(**options)
    try:
        yield made
    finally:
        made.close()


def pictures_of(answer, count):
    """Read so many pictures of an MJPEG stream, byte by byte as its format is written down."""
    boundary = answer.getheader("Content-Type").partition("boundary=")[2].encode()
    assert answer.readline() == b"--" + boundary + b"\r\n"
    for _ in range(count):
        length = 0
        for line in iter(answer.readline, b"\r\n"):
            name, _, value = line.decode().partition(":")
            if name.lower() == "content-length":
                length = int(value)
        yield answer.read(length)
        assert answer.readline() == b"\r\n"
        assert answer.readline() == b"--" + boundary + b"\r\n"
