"""Objects and detections as the records that pycocotools reads.

Ids count from 1, because pycocotools takes a match with id 0 for no match.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from edgedet.data.annotations import Annotations
    from edgedet.runtime.detections import Detections


def box_areas(boxes_xyxy: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return [n] areas in px² of [n, 4] boxes."""
    _, _, widths, heights = boxes_xywh(boxes_xyxy).T
    areas: NDArray[np.float64] = widths * heights
    return areas


def boxes_xywh(boxes_xyxy: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return [n, 4] left, top, width, height of [n, 4] corners; float64 as in COCO's JSON."""
    corners = np.asarray(boxes_xyxy, dtype=np.float64).reshape(-1, 4)
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)


def object_records(annotations: Annotations) -> list[dict[str, Any]]:
    """One record for each object, image after image; ignored objects are crowds."""
    records: list[dict[str, Any]] = []
    for image_id, image in enumerate(annotations.images, start=1):
        fresh = _records(image_id, image.boxes_xyxy, image.labels, first_id=len(records) + 1)
        for record, ignored in zip(fresh, image.ignored.tolist(), strict=True):
            record["iscrowd"] = int(ignored)
        records += fresh
    return records


def detection_records(detections: Sequence[Detections]) -> list[dict[str, Any]]:
    """One record for each detection, image after image."""
    records: list[dict[str, Any]] = []
    for image_id, found in enumerate(detections, start=1):
        fresh = _records(image_id, found.boxes_xyxy, found.labels, first_id=len(records) + 1)
        for record, score in zip(fresh, found.scores.tolist(), strict=True):
            record["score"] = score
        records += fresh
    return records


def _records(
    image_id: int,
    boxes_xyxy: NDArray[np.float32],
    labels: NDArray[np.int64],
    first_id: int,
) -> list[dict[str, Any]]:
    boxes = boxes_xywh(boxes_xyxy).tolist()
    areas = box_areas(boxes_xyxy).tolist()
    return [
        {
            "id": first_id + i,
            "image_id": image_id,
            "category_id": label + 1,
            "bbox": box,
            "area": area,
        }
        for i, (box, area, label) in enumerate(zip(boxes, areas, labels.tolist(), strict=True))
    ]
