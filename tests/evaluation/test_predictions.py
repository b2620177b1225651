"""Detecting in a whole data set, and its results as COCO JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from evaluation_cases import annotated, labelled
from fake_backend import BlurredTruth

from edgedet.data.annotations import Annotations
from edgedet.data.opening import open_annotations
from edgedet.evaluation.coco import evaluate
from edgedet.evaluation.predictions import (
    coco_ids,
    detect_all,
    labels_by_name,
    write_coco_results,
)
from edgedet.runtime.detector import Detector, thresholds_for
from edgedet.runtime.errors import DataError, ModelError


@pytest.fixture
def annotations(tmp_path: Path) -> Annotations:
    boxes = [[10, 20, 60, 80]], [[5, 5, 40, 30], [100, 100, 150, 160]], [], [[0, 0, 30, 30]]
    images = []
    for number, its in enumerate(boxes):
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), np.full((200, 200, 3), number, np.uint8))
        image = labelled(its, np.arange(len(its)) % 2, name=path.name)
        images.append(replace(image, path=path))
    return annotated(*images, classes=2)


def detector(backend: BlurredTruth) -> Detector:
    return Detector(backend, thresholds_for(backend.spec, 0.05))


@pytest.mark.parametrize("batch", [1, 3, 4, 9])
def test_a_perfect_detector_is_perfect_at_any_batch(annotations: Annotations, batch: int) -> None:
    done: list[int] = []
    results = detect_all(detector(BlurredTruth(annotations, batch=batch)), annotations, done.append)
    assert sum(done) == len(results) == 4
    for image, result in zip(annotations.images, results, strict=True):
        np.testing.assert_allclose(result.boxes_xyxy, image.boxes_xyxy, atol=1e-3)
    assert evaluate(annotations, results).ap == pytest.approx(1.0)


def test_labels_are_those_of_the_data_whatever_the_order_in_the_model(
    annotations: Annotations,
) -> None:
    backend = BlurredTruth(annotations, class_names=annotations.class_names[::-1])
    results = detect_all(detector(backend), annotations)
    assert evaluate(annotations, results).ap == pytest.approx(1.0)


@pytest.mark.parametrize("names", [("class 0",), ("class 0", "pear"), ("a", "b", "c")])
def test_other_classes_are_refused(annotations: Annotations, names: tuple[str, ...]) -> None:
    with pytest.raises(ModelError, match=r"classes of the data \(class 0, class 1\)"):
        labels_by_name(names, annotations)


def test_classes_that_the_data_does_not_have_are_left_out(annotations: Annotations) -> None:
    names = ("pear", *annotations.class_names[::-1], "plum")
    assert labels_by_name(names, annotations).tolist() == [-1, 1, 0, -1]
    backend = BlurredTruth(annotations, class_names=annotations.class_names)
    expected = detect_all(detector(backend), annotations)
    backend = BlurredTruth(annotations, class_names=names)
    assert detect_all(detector(backend), annotations) == expected
    backend = BlurredTruth(annotations, class_names=names, invented=9.0)  # half of them pears
    found = detect_all(detector(backend), annotations)
    labels = {label for each in found for label in each.labels.tolist()}
    assert labels == {0, 1}


def test_an_image_of_another_size_than_labelled_is_refused(annotations: Annotations) -> None:
    cv2.imwrite(str(annotations.images[2].path), np.zeros((100, 200, 3), np.uint8))
    with pytest.raises(DataError, match=r"200x200 pixels, as labelled, found 200x100 in .*2\.png"):
        detect_all(detector(BlurredTruth(annotations)), annotations)


def test_an_image_that_is_gone_is_named(annotations: Annotations) -> None:
    annotations.images[3].path.unlink()
    with pytest.raises(DataError, match=r"3\.png"):
        detect_all(detector(BlurredTruth(annotations)), annotations)


def test_results_without_a_coco_file_are_numbered(annotations: Annotations, tmp_path: Path) -> None:
    results = detect_all(detector(BlurredTruth(annotations)), annotations)
    write_coco_results(tmp_path / "results.json", annotations, results)
    records = json.loads((tmp_path / "results.json").read_text())
    assert [record["image_id"] for record in records] == [1, 2, 2, 4]
    assert sorted(record["category_id"] for record in records) == [1, 1, 1, 2]
    assert records[0]["file_name"] == "0.png"
    np.testing.assert_allclose(records[0]["bbox"], [10, 20, 50, 60], atol=1e-2)


def test_results_carry_the_ids_of_their_coco_file_as_they_are(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((40, 50, 3), np.uint8))
    document = {
        "images": [{"id": "007", "file_name": "a.png"}],
        "annotations": [{"image_id": "007", "category_id": 5, "bbox": [1, 2, 10, 10]}],
        "categories": [{"id": 5, "name": "pear"}],
    }
    path = tmp_path / "val.json"
    # With the byte order mark that Windows tools write, and that the reader accepts.
    path.write_text(json.dumps(document), encoding="utf-8-sig")
    assert coco_ids(open_annotations(path, "val")) == (["007"], [5])


def test_results_on_real_photographs_fit_their_coco_file(shared_data: Path, tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    annotations = open_annotations(shared_data / "det_pear640", "val")
    backend = BlurredTruth(annotations, noise=1.5, missing=0.1, invented=0.2, batch=4)
    results = detect_all(detector(backend), annotations)
    ours = evaluate(annotations, results)
    assert 0.3 < ours.ap < ours.ap50 < 1
    write_coco_results(tmp_path / "results.json", annotations, results)
    theirs = COCO(str(annotations.source)).loadRes(str(tmp_path / "results.json"))
    assert len(theirs.getAnnIds()) == sum(len(result) for result in results)
