"""A stand-in for `cv2.VideoCapture` and its driver; test_usb_device.py holds it to the real one."""

import numpy as np


class FakeDriver:
    """Gives `count` frames, then none. With `refuses` it grants nothing of what it is asked."""

    def __init__(self, cv2, count=3, opens=True, refuses=False):
        self.count, self.opens, self.refuses, self.released = count, opens, refuses, 0
        self.granted = {
            cv2.CAP_PROP_FPS: 30.0,
            cv2.CAP_PROP_FOURCC: float(cv2.VideoWriter_fourcc(*"YUYV")),
            cv2.CAP_PROP_FRAME_WIDTH: 640.0,
            cv2.CAP_PROP_FRAME_HEIGHT: 480.0,
        }
        self.asked = {}

    def __call__(self, *words):
        self.opened = words
        return self

    def isOpened(self):  # noqa: N802 - OpenCV's name
        return self.opens

    def set(self, name, value):
        self.asked[name] = value
        if not self.refuses:
            self.granted[name] = value
        return not self.refuses

    def get(self, name):
        return self.granted.get(name, 0.0)

    def read(self):
        if not self.count:
            return False, None
        self.count -= 1
        return True, np.full((4, 6, 3), self.count % 256, np.uint8)

    def release(self):
        self.released += 1
