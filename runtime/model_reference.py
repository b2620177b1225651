"""What a model answered to frames that every machine can make again: kept in the ONNX file.

An engine is compared with it on the device, where nothing else runs the model.
"""

import json
from typing import TYPE_CHECKING, Any, List, Tuple

import numpy as np

from .candidates import Candidates, candidates_of
from .errors import ModelError
from .synthetic_frames import synthetic_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .detector import Backend

REFERENCE_KEY = "edgedet.reference"
"""Key of the answers in ONNX ``metadata_props``."""
SCHEMA_VERSION = 1
FRAMES = 2
MOST_CANDIDATES = 100
"""The best of each frame: about 8 kB in the file."""
BOX_DIGITS, SCORE_DIGITS = 2, 4
"""What is kept behind the point, of pixels and of scores: a hundredth of what may differ."""

_FIX = "export the model again with `edgedet export`"


def reference_frames(size_hw: Tuple[int, int]) -> "List[NDArray[np.uint8]]":
    """Return the frames [H, W, 3] uint8 BGR: the same bytes with every numpy from 1.13 on.

    size_hw: of the network's input. Nothing is resized, as each OpenCV rounds that in its own way.
    """
    return synthetic_frames(FRAMES, size_hw)


def reference_of(backend: "Backend") -> str:
    """Return, as JSON, the best candidates of each frame as this backend finds them."""
    found = candidates_of(backend, reference_frames(backend.spec.size_hw))
    values = {"schema_version": SCHEMA_VERSION, "frames": [_rounded(one) for one in found]}
    return json.dumps(values, separators=(",", ":"))


def reference_from_json(text: str) -> List[Candidates]:
    """Return the candidates of each frame; ModelError for what `reference_of` did not write."""
    try:
        values = json.loads(text)
        version = values["schema_version"]
        if version == SCHEMA_VERSION:
            return [_candidates(frame) for frame in values["frames"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError("the answers of a model in JSON", repr(error), _FIX) from error
    expected = "answers of schema version {}".format(SCHEMA_VERSION)
    raise ModelError(expected, "version {!r}".format(version), _FIX)


def _rounded(found: Candidates) -> "dict[str, List[Any]]":
    best = [array[:MOST_CANDIDATES].tolist() for array in found]
    boxes = [[round(side, BOX_DIGITS) for side in box] for box in best[0]]
    return {
        "boxes_xyxy": boxes,
        "scores": [round(score, SCORE_DIGITS) for score in best[1]],
        "labels": [int(label) for label in best[2]],
    }


def _candidates(frame: "dict[str, List[Any]]") -> Candidates:
    boxes = np.array(frame["boxes_xyxy"], dtype="float32").reshape(-1, 4)
    scores = np.array(frame["scores"], dtype="float32").reshape(-1)
    labels = np.array(frame["labels"], dtype="int64").reshape(-1)
    if not 0 < len(boxes) == len(scores) == len(labels):
        raise ValueError("{} boxes, {} scores".format(len(boxes), len(scores)))
    return Candidates(boxes, scores, labels)
