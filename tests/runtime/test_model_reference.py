"""The frames and answers that an engine is compared with on whatever machine it is built."""

import hashlib
import json

import numpy as np
import pytest

from edgedet.runtime.model_reference import (
    BOX_DIGITS,
    MOST_CANDIDATES,
    SCORE_DIGITS,
    reference_frames,
    reference_from_json,
    reference_of,
)
from edgedet.runtime.spec import ModelSpec

SIZES = [(16, 16), (61, 61), (127, 333), (224, 224), (300, 300), (320, 320), (480, 640), (640, 640)]
MOST_BYTES = 20000


class Backend:
    """Answers with as many candidates as it is told."""

    spec, batch = ModelSpec(("car",), (24, 32), input_dtype="uint8", input_layout="NHWC"), 3

    def __init__(self, count, largest_px=10000.0):
        rng = np.random.RandomState(0)
        self.boxes = rng.uniform(-largest_px, largest_px, (3, count, 4)).astype("float32")
        self.scores = -np.sort(-rng.uniform(0, 1, (3, count)), axis=1).astype("float32")
        self.labels = rng.randint(0, 80, (3, count))

    def infer(self, batch):
        assert batch.shape == (3, 24, 32, 3)
        return self.boxes, self.scores, self.labels


def test_the_frames_are_the_same_bytes_everywhere():
    """Under numpy 1.13 and Python 3.6 as well: a machine tells only about itself."""
    digest = hashlib.sha256()
    for size_hw in SIZES:
        for frame in reference_frames(size_hw):
            assert frame.shape == tuple(size_hw) + (3,)
            digest.update(frame.tobytes())
    assert digest.hexdigest()[:16] == "27fe5ae244a65a83"


@pytest.mark.parametrize("count", [1, 7, 1000])
def test_the_best_come_back_as_they_were(count):
    pytest.importorskip("cv2")
    backend = Backend(count)
    text = reference_of(backend)
    assert len(text) < MOST_BYTES
    kept = reference_from_json(text)
    assert len(kept) == 2
    for row, found in enumerate(kept):
        assert len(found.scores) == min(count, MOST_CANDIDATES)
        boxes, scores = backend.boxes[row][:100], backend.scores[row][:100]
        assert np.abs(found.boxes_xyxy - boxes).max() <= 10.0**-BOX_DIGITS
        assert np.abs(found.scores - scores).max() <= 10.0**-SCORE_DIGITS
        assert np.array_equal(found.labels, backend.labels[row][:100])


def test_it_is_compact_json():
    pytest.importorskip("cv2")
    values = json.loads(reference_of(Backend(2)))
    assert sorted(values) == ["frames", "schema_version"]
    assert sorted(values["frames"][0]) == ["boxes_xyxy", "labels", "scores"]
