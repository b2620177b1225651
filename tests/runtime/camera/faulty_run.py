"""A run of cameras with a made-up detector, in a process of its own, in which something goes wrong.

faulty_run.py FAULT SETTINGS.json PLACE...: the places are those that modules are looked for in.
"""

import json
import sys
import time
from pathlib import Path

sys.path[:0] = sys.argv[3:]

from edgedet.runtime.camera import console, run, usb_device  # noqa: E402
from edgedet.runtime.camera import outlet as outlets  # noqa: E402
from edgedet.runtime.camera.settings import settings_from  # noqa: E402
from edgedet.runtime.detections import Detections  # noqa: E402
from edgedet.runtime.errors import DeviceError, EdgedetError  # noqa: E402
from edgedet.runtime.outputs import kept_folder, log_form, recording  # noqa: E402
from edgedet.runtime.postprocess import Thresholds  # noqa: E402
from edgedet.runtime.spec import ModelSpec  # noqa: E402

DAY_S = 86400.0
FOREVER_S = 1e6


class Detector:
    """Finds a cat in each frame; the fault comes with the frame `at`."""

    def __init__(self, fault=None, at=20, batch=1):
        self.spec = ModelSpec(("cat", "dog"), (64, 64))
        self.thresholds = Thresholds(0.5, 0.5, 100)
        self.backend = type("Backend", (), {"batch": batch})
        self._fault, self._left = fault, at

    def batch(self, images_bgr):
        self._left -= 1
        if self._left == 0 and self._fault is not None:
            self._fault()
        return [Detections([[0, 0, 9, 9]], [0.9], [0]) for _ in images_bgr]


def hang(*unused):
    time.sleep(FOREVER_S)


def raise_device_error(*unused):
    raise DeviceError("a GPU", "none", "look for it")


def raise_bug(*unused):
    raise ZeroDivisionError("a bug of ours")


def hanging_outputs():
    console.Console.put = console.Console.close = hang
    recording.Recorder.put = hang


def stepping_clock():
    """The clock of the day jumps by a day, there and back, twice a second."""
    real = time.time
    began_s = time.monotonic()
    steps = (0.0, DAY_S, 0.0, -DAY_S)
    time.time = lambda: real() + steps[int(2 * (time.monotonic() - began_s)) % len(steps)]
    gmtime = time.gmtime
    time.gmtime = lambda at_s=None: gmtime(time.time() if at_s is None else at_s)


def small_disk():
    """What a disk of a few MB can have."""
    kept_folder.LEAST_FREE_BYTES = 1000 * 1000
    recording.ROOM_EVERY_S = recording.RETRY_S = outlets.RETRY_S = 0.5


class Usb:
    """A camera that is there while the file `plugged` is, instead of OpenCV's."""

    def __init__(self, plugged, cv2):
        self._plugged, self._cv2 = plugged, cv2

    def __call__(self, *unused):
        return self

    def isOpened(self):  # noqa: N802 - OpenCV's name
        return self._plugged.exists()

    def set(self, *unused):
        return True

    def get(self, name):
        return 0.0

    def read(self):
        import numpy as np

        time.sleep(1 / 30)
        if not self._plugged.exists():
            return False, None
        return True, np.zeros((48, 64, 3), np.uint8)

    def release(self):
        pass


def usb_camera():
    plugged = Path("plugged")
    cv2 = usb_device.opencv()
    cv2.VideoCapture = Usb(plugged, cv2)
    usb_device._number_of = number_of(plugged)


def number_of(plugged):
    def look(device):
        if not plugged.exists():
            raise DeviceError("a camera at " + device, "none", "plug it in")
        return 0

    return look


BEFORE = {
    "hanging outputs": hanging_outputs,
    "stepping clock": stepping_clock,
    "small disk": small_disk,
    "usb camera": usb_camera,
}
IN_THE_NETWORK = {
    "hanging network": hang,
    "device error": raise_device_error,
    "bug": raise_bug,
}


def main(fault, settings):
    BEFORE.get(fault, lambda: None)()
    values = json.loads(Path(settings).read_text())
    at, batch = values.pop("at", 20), values.pop("batch", 1)
    detector = Detector(IN_THE_NETWORK.get(fault), at, batch)
    try:
        with log_form.logged_as("text"):
            run.run_cameras(settings_from(values), detector)
    except EdgedetError as error:
        sys.stderr.write("error: {}\n".format(error))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
