"""Detections as the JSON that other programs read."""

import json
from typing import Any, Dict, NamedTuple, Sequence, Tuple

from .detections import Detections
from .spec import ModelSpec

SCHEMA_VERSION = 1
"""Raised when a key changes its meaning or goes."""

# A thousandth of a pixel and a millionth of a score: past what float32 arithmetic repeats on
# another device, and short enough to read.
_BOX_DIGITS, _SCORE_DIGITS = 3, 6


class ImageResult(NamedTuple):
    """What was found in one image.

    ``source``: the name of the frame. ``size_hw``: height and width of the frame in pixels.
    """

    source: str
    size_hw: Tuple[int, int]
    detections: Detections


def results_to_json(
    model: str, device: str, spec: ModelSpec, results: Sequence[ImageResult]
) -> str:
    """One JSON object with all results.

    ``{"schema_version", "model", "device", "image_size": [height, width] of the model's input,
    "results": [{"source", "width", "height", "detections": [{"box_xyxy" in pixels of the image,
    "score", "label", "class"}]}]}``
    """
    document = {
        "schema_version": SCHEMA_VERSION,
        "model": model,
        "device": device,
        "image_size": list(spec.size_hw),
        "results": [result_values(result, spec.class_names) for result in results],
    }
    return json.dumps(document, allow_nan=False)


def result_values(result: ImageResult, class_names: Sequence[str]) -> Dict[str, Any]:
    """One of these results as plain values."""
    height, width = result.size_hw
    return {
        "source": result.source,
        "width": width,
        "height": height,
        "detections": _rows(result.detections, class_names),
    }


def _rows(detections: Detections, class_names: Sequence[str]) -> Sequence[Dict[str, Any]]:
    columns = (detections.boxes_xyxy, detections.scores, detections.labels)
    return [
        {
            "box_xyxy": [round(side, _BOX_DIGITS) for side in box],
            "score": round(score, _SCORE_DIGITS),
            "label": label,
            "class": class_names[label],
        }
        for box, score, label in zip(*(column.tolist() for column in columns))
    ]
