"""What a detector finds in labelled images, in memory and as COCO's results JSON."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgedet.evaluation.records import boxes_xywh
from edgedet.runtime.atomic import atomic_path
from edgedet.runtime.detections import Detections
from edgedet.runtime.errors import DataError, ModelError
from edgedet.runtime.images import read_image

if TYPE_CHECKING:
    from edgedet.data.annotations import Annotations, LabelledImage
    from edgedet.runtime.detector import Detector


def detect_all(
    detector: Detector,
    annotations: Annotations,
    progress: Callable[[int], object] | None = None,
) -> list[Detections]:
    """Return what ``detector`` finds in each image, in the order of ``annotations``.

    Labels index ``annotations.class_names``, whatever order the model has them in; classes that
    the data does not have are left out.
    ``progress`` is called with the number of images that were finished.

    Raises ModelError when model and data have other classes, DataError for an image that cannot
    be read or has another size than its labels were made for.
    """
    label_of = labels_by_name(detector.spec.class_names, annotations)
    results: list[Detections] = []
    for images in _batches(annotations.images, detector.backend.batch):
        found = detector.batch(images)
        results += [_in_data(each, label_of) for each in found]
        if progress is not None:
            progress(len(images))
    return results


def labels_by_name(model_classes: Sequence[str], annotations: Annotations) -> NDArray[np.int64]:
    """[classes] the label in the data of each label of the model; equal names are equal classes.
    -1 for a class that the data does not have.

    Raises ModelError unless the model knows every class of the data; their order is free.
    """
    labels = {name: label for label, name in enumerate(annotations.class_names)}
    if not set(labels) <= set(model_classes):
        raise ModelError(
            f"a model with the classes of the data ({_listed(annotations.class_names)})",
            f"one with {_listed(model_classes)}",
            "choose the data that the model was trained for, or train on this data",
        )
    return np.array([labels.get(name, -1) for name in model_classes], dtype=np.int64)


def _in_data(found: Detections, label_of: NDArray[np.int64]) -> Detections:
    """What is of a class of the data, with the labels of the data."""
    labels = label_of[found.labels]
    keep = labels >= 0
    return Detections(found.boxes_xyxy[keep], found.scores[keep], labels[keep])


def write_coco_results(
    path: Path, annotations: Annotations, detections: Sequence[Detections]
) -> None:
    """Write ``detections`` to ``path`` as COCO results: ``bbox`` is left, top, width, height.

    For data in COCO's format the ids are those of its file, so that any COCO tool can compare
    the two; for other formats images and classes are numbered from 1 in their order.
    ``file_name`` is added to each for readers who do not have the file.
    """
    image_ids, category_ids = coco_ids(annotations)
    records = [
        {
            "image_id": image_id,
            "file_name": image.path.name,
            "category_id": category_ids[label],
            "bbox": [round(value, 3) for value in box],
            "score": round(score, 6),
        }
        for image_id, image, found in zip(image_ids, annotations.images, detections, strict=True)
        for box, score, label in zip(
            boxes_xywh(found.boxes_xyxy).tolist(),
            found.scores.tolist(),
            found.labels.tolist(),
            strict=True,
        )
    ]
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(records), encoding="utf-8")


def coco_ids(annotations: Annotations) -> tuple[list[int | str], list[int]]:
    """Return the ids of images and classes in the COCO file, or 1, 2, 3 ... without one."""
    if annotations.format == "coco" and annotations.source.is_file():
        content: dict[str, Any] = json.loads(annotations.source.read_bytes())
        names = [Path(entry["file_name"]).name for entry in content["images"]]
        classes = {entry["name"]: int(entry["id"]) for entry in content["categories"]}
        # The reader keeps the order of the file; a selection of its images cannot be numbered so.
        if names == [image.path.name for image in annotations.images]:
            image_ids = [entry["id"] for entry in content["images"]]
            return image_ids, [classes[name] for name in annotations.class_names]
    image_count, class_count = len(annotations.images), len(annotations.class_names)
    return list(range(1, image_count + 1)), list(range(1, class_count + 1))


def _batches(images: Sequence[LabelledImage], size: int) -> Iterator[list[NDArray[np.uint8]]]:
    frames = _read_ahead(images, size)
    while batch := list(islice(frames, size)):
        yield batch


def _read_ahead(images: Sequence[LabelledImage], ahead: int) -> Iterator[NDArray[np.uint8]]:
    """Decode the next images while the detector works on these; OpenCV frees the GIL."""
    with ThreadPoolExecutor(max_workers=1) as reader:
        waiting: deque[Future[NDArray[np.uint8]]] = deque()
        for image in images:
            waiting.append(reader.submit(_read, image))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _read(image: LabelledImage) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = read_image(image.path)
    if pixels.shape[:2] != tuple(image.size_hw):
        raise DataError(
            f"an image of {image.size_hw[1]}x{image.size_hw[0]} pixels, as labelled",
            f"{pixels.shape[1]}x{pixels.shape[0]} in {image.path}",
            "give the image that was labelled",
        )
    return pixels


def _listed(names: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
