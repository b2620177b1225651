"""Models exported on a host answer here as they did there. Runs on Python 3.6 too.

``EDGEDET_TEST_MODELS`` names a folder made by ``.ci/export_model.py``; ``.ci/run`` does both.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from edgedet.runtime.boxes import iou_matrix
from edgedet.runtime.detector import open_detector

FOLDER = os.environ.get("EDGEDET_TEST_MODELS")
MODELS = sorted(Path(FOLDER).glob("*.onnx")) if FOLDER else []

pytestmark = pytest.mark.skipif(
    not MODELS, reason="NO EXPORTED MODELS: set EDGEDET_TEST_MODELS (.ci/run does)"
)


@pytest.fixture(params=MODELS, ids=str)
def model(request):
    pytest.importorskip("onnxruntime")
    return request.param


def read_frame():
    cv2 = pytest.importorskip("cv2")
    return cv2.imread(str(Path(FOLDER) / "frame.png"))


def test_the_candidates_are_those_of_the_host(model):
    frame = read_frame()
    with open_detector(model) as detector:
        batch, _ = detector.preprocess(frame)
        boxes_xyxy, scores, labels = (out[0] for out in detector.infer(batch))
    there = json.loads(model.with_suffix(".json").read_text())
    np.testing.assert_allclose(scores, there["scores"], atol=1e-4)
    same_class = labels[:, None] == np.array(there["labels"])
    overlap = iou_matrix(np.array(there["boxes_xyxy"], np.float32), boxes_xyxy).T * same_class
    # All but the last few, where nearly equal scores decide who is among the best K.
    assert (overlap.max(axis=1) > 0.99).mean() > 0.99


def test_a_frame_becomes_detections(model):
    frame = read_frame()
    with open_detector(model, conf=0.0, max_detections=20) as detector:
        found = detector(frame)
    height, width = frame.shape[:2]
    assert len(found) == 20
    assert (found.boxes_xyxy >= 0).all()
    assert (found.boxes_xyxy <= [width, height, width, height]).all()
