"""The bootstrap: its AP is COCO's, and its spread that of a slow one that evaluates each draw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pycocotools")

from edgedet.data.annotations import Annotations, LabelledImage
from edgedet.evaluation import chance
from edgedet.evaluation.buckets import COCO_BUCKETS
from edgedet.evaluation.coco import evaluate
from edgedet.runtime.detections import Detections

SIDE = 300


def truth(images: int = 12, seed: int = 0) -> Annotations:
    rng = np.random.default_rng(seed)
    labelled = []
    for index in range(images):
        count = int(rng.integers(1, 8))
        corners = rng.uniform(0, SIDE - 120, (count, 2))
        boxes = np.hstack([corners, corners + rng.uniform(8, 120, (count, 2))]).astype(np.float32)
        ignored = rng.random(count) < 0.1
        path = Path(f"{index}.png")
        labels = rng.integers(0, 2, count)
        labelled.append(LabelledImage(path, (SIDE, SIDE), boxes, labels, ignored))
    return Annotations(("cat", "dog"), tuple(labelled), Path("none"), "coco")


def found_in(annotations: Annotations, noise_px: float, seed: int) -> list[Detections]:
    """Most objects, not quite where they are, and a few that are not there."""
    rng = np.random.default_rng(seed)
    detections = []
    for image in annotations.images:
        boxes = np.vstack([image.boxes_xyxy, image.boxes_xyxy[:2] + 150])
        boxes = boxes + rng.normal(0, noise_px, boxes.shape)
        labels = np.concatenate([image.labels, image.labels[:2]])
        scores = np.sort(rng.random(len(boxes)))[::-1].astype(np.float32)
        order = rng.permutation(len(boxes))
        detections.append(Detections(boxes[order].astype(np.float32), scores, labels[order]))
    return detections


def test_each_image_once_is_coco_s_ap() -> None:
    annotations = truth()
    detections = found_in(annotations, 3, seed=1)
    wanted = evaluate(annotations, detections)
    areas = (chance.EVERY_SIZE, *COCO_BUCKETS)
    tables = chance._tables(annotations, detections, areas, 300)
    once = np.ones(len(annotations.images), np.int64)
    found = [chance._mean_ap(classes, once) for classes in tables]
    aps = [wanted.ap, *(scores.ap for scores in wanted.per_bucket.values())]
    np.testing.assert_allclose(found, aps, atol=1e-9)


def test_the_spread_is_that_of_evaluations_of_drawn_images(monkeypatch) -> None:
    """Draw by draw, with an image that was drawn twice put into the data twice."""
    monkeypatch.setattr(chance, "DRAWS", 20)
    annotations = truth()
    pair = found_in(annotations, 2, seed=1), found_in(annotations, 5, seed=2)
    found = chance.standard_errors(annotations, pair, COCO_BUCKETS, 300, seed=3)
    count = len(annotations.images)
    draws = np.random.default_rng(3).multinomial(count, np.full(count, 1 / count), 20)
    differences = []
    for weights in draws:
        order = np.arange(count).repeat(weights)
        drawn = replace(annotations, images=tuple(annotations.images[i] for i in order))
        ours, theirs = (evaluate(drawn, [side[i] for i in order]).ap for side in pair)
        differences.append(ours - theirs)
    assert found["all"] == pytest.approx(np.std(differences, ddof=1), rel=0.02)
    assert set(found) == {"all", "small", "medium", "large"}


def test_what_is_found_alike_has_no_spread() -> None:
    annotations = truth()
    same = found_in(annotations, 3, seed=1)
    found = chance.standard_errors(annotations, (same, same), COCO_BUCKETS, 300)
    assert found["all"] == 0


def test_a_size_without_objects_has_none() -> None:
    annotations = truth()
    pair = found_in(annotations, 3, seed=1), found_in(annotations, 4, seed=1)
    far = (replace(COCO_BUCKETS[0], min_side=0, max_side=1),)
    assert np.isnan(chance.standard_errors(annotations, pair, far, 300)["small"])


def test_more_images_leave_less_to_chance() -> None:
    errors = []
    for images in (10, 90):
        annotations = truth(images)
        pair = found_in(annotations, 2, seed=1), found_in(annotations, 5, seed=2)
        errors.append(chance.standard_errors(annotations, pair, (), 300)["all"])
    assert errors[1] < errors[0] / 1.5
