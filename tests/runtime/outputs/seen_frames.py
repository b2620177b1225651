"""What was seen, made up: frames with a picture that says their number."""

import numpy as np

from edgedet.runtime.camera.live_frame import LiveFrame
from edgedet.runtime.camera.seen import Seen
from edgedet.runtime.detections import Detections

CLASS_NAMES = ("cat", "dog", "person")


def seen(at_s=0.0, labels=(), number=0, camera="door", size_hw=(48, 64), scores=None):
    """A frame captured at that time with one object of each label."""
    labels = np.array(labels, np.int64)
    scores = np.linspace(0.9, 0.5, len(labels)) if scores is None else np.array(scores)
    boxes_xyxy = np.array([[2.0, 3.0, 20.0, 30.0]] * len(labels), np.float32).reshape(-1, 4)
    image_bgr = np.full(size_hw + (3,), number % 256, np.uint8)
    frame = LiveFrame(camera, image_bgr, number, at_s, 1.7e9 + at_s, at_s)
    found = Detections(boxes_xyxy, scores.astype(np.float32), labels)
    return Seen(frame, found, None, (), inference_ms=5.0, age_ms=9.0)


def paint(one):
    """The picture of a frame: the frame."""
    return one.frame.image_bgr
