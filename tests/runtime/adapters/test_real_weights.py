"""YOLOX-nano and UltraFace as their authors trained them, against what they are known to give."""

import json

import numpy as np
import pytest

from edgedet.runtime import open_detector
from edgedet.runtime.images import read_image
from edgedet.runtime.sources import open_source

pytest.importorskip("onnxruntime")
pytest.importorskip("cv2")

SAMPLES = (
    "cat.jpg",
    "pets.jpg",
    "bird.jpg",
    "parrot.jpg",
    "hot_dog.jpg",
    "dragonfly.jpg",
    "grace_hopper.jpg",
)


@pytest.fixture(scope="module")
def weights(shared_data):
    return shared_data / "weights"


@pytest.fixture(scope="module")
def expected(weights):
    return json.loads((weights / "expected.json").read_text())


@pytest.fixture(scope="module")
def coco(weights):
    """Names as `expected.json` has them: the older spelling, in the same order."""
    return json.loads((weights / "coco_80_labels.json").read_text())


@pytest.fixture(scope="module")
def yolox(weights):
    with open_detector(weights / "yolox_nano_coco_416.onnx", conf=0.35, iou=0.45) as detector:
        yield detector


@pytest.fixture(scope="module")
def ultraface(weights):
    with open_detector(weights / "ultraface_rfb_320.onnx", conf=0.7, iou=0.3) as detector:
        yield detector


def require_same(found, labels, scores, boxes):
    assert found.labels.tolist() == labels
    np.testing.assert_allclose(found.scores, scores, atol=0.02)
    np.testing.assert_allclose(found.boxes_xyxy, np.reshape(boxes, (-1, 4)), atol=2)


@pytest.mark.parametrize("name", SAMPLES)
def test_yolox_finds_what_it_is_known_to_find(yolox, weights, expected, coco, name):
    known = expected["samples"][name]["yolox_nano"]
    found = yolox(read_image(weights / "samples" / name))
    labels = [coco.index(row[0]) for row in known]
    require_same(found, labels, [row[1] for row in known], [row[2:] for row in known])


@pytest.mark.parametrize("name", SAMPLES)
def test_ultraface_finds_what_it_is_known_to_find(ultraface, weights, expected, name):
    known = expected["samples"][name]["ultraface"]
    found = ultraface(read_image(weights / "samples" / name))
    require_same(found, [0] * len(known), [r[0] for r in known], [r[1:] for r in known])


@pytest.mark.parametrize("name", ["bottle-detection.mp4", "car-detection.mp4"])
def test_yolox_counts_in_videos_as_known(weights, shared_data, expected, coco, name):
    known = expected["videos"][name]
    counts, frames = {}, 0
    model, video = weights / "yolox_nano_coco_416.onnx", shared_data / "video" / name
    with open_detector(model, conf=0.4, iou=0.45) as detector, open_source(str(video)) as source:
        for index, frame in enumerate(source):
            if index % known["sampled_every"] == 0:
                frames += 1
                for label in set(detector(frame.image_bgr).labels.tolist()):
                    counts[coco[label]] = counts.get(coco[label], 0) + 1
    assert frames == known["sampled"]
    assert counts == known["frames_with_class"]
