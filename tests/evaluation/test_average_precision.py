"""Average precision against a slow reference, another library, and what must always hold."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from evaluation_cases import annotated, found, labelled, perfect, random_case, seeds
from hypothesis import given, settings
from slow_average_precision import average_precision

from edgedet.evaluation.buckets import AITOD_BUCKETS, COCO_BUCKETS, SizeBucket
from edgedet.evaluation.coco import Evaluation, Scores, evaluate
from edgedet.evaluation.records import detection_records, object_records
from edgedet.runtime.detections import Detections

THRESHOLDS = np.linspace(0.5, 0.95, 10)
calm = settings(deadline=None, max_examples=25)


def mean(values: list[float]) -> float:
    present = [value for value in values if not math.isnan(value)]
    return float(np.mean(present)) if present else math.nan


@calm
@given(seed=seeds)
def test_equals_the_slow_reference(seed: int) -> None:
    annotations, detections = random_case(seed)
    ours = evaluate(annotations, detections, COCO_BUCKETS)
    for label, name in enumerate(annotations.class_names):
        slow = [average_precision(annotations, detections, label, t) for t in THRESHOLDS]
        assert ours.per_class[name].ap == pytest.approx(mean(slow), nan_ok=True)
        assert ours.per_class[name].ap50 == pytest.approx(slow[0], nan_ok=True)
        assert ours.per_class[name].ap75 == pytest.approx(slow[5], nan_ok=True)
    assert ours.ap == pytest.approx(mean([s.ap for s in ours.per_class.values()]), nan_ok=True)


@calm
@given(seed=seeds)
def test_buckets_equal_the_slow_reference(seed: int) -> None:
    annotations, detections = random_case(seed, classes=2)
    buckets = (*COCO_BUCKETS, *AITOD_BUCKETS, SizeBucket("mine", 20, 50))
    ours = evaluate(annotations, detections, buckets)
    for bucket in buckets:
        slow = [
            average_precision(annotations, detections, label, 0.5, bucket.area_range)
            for label in range(2)
        ]
        assert ours.per_bucket[bucket.name].ap50 == pytest.approx(mean(slow), nan_ok=True)


@calm
@given(seed=seeds)
def test_equals_faster_coco_eval(seed: int) -> None:
    faster = pytest.importorskip("faster_coco_eval")
    annotations, detections = random_case(seed)
    if not any(len(result) for result in detections) or not annotations.counts().any():
        return
    truth = {
        "images": [{"id": i + 1} for i in range(len(annotations.images))],
        "categories": [{"id": i + 1, "name": n} for i, n in enumerate(annotations.class_names)],
        "annotations": object_records(annotations),
    }
    coco = faster.COCO(truth)
    theirs = faster.COCOeval_faster(coco, coco.loadRes(detection_records(detections)), "bbox")
    theirs.params.maxDets = [1, 10, 300]
    theirs.evaluate()
    theirs.accumulate()
    ours = evaluate(annotations, detections)
    precision = theirs.eval["precision"][:, :, :, :, -1]
    assert ours.ap == pytest.approx(_their_mean(precision[..., 0]), nan_ok=True)
    assert ours.ap50 == pytest.approx(_their_mean(precision[0, ..., 0]), nan_ok=True)
    for area, bucket in enumerate(COCO_BUCKETS, start=1):
        expected = _their_mean(precision[..., area])
        assert ours.per_bucket[bucket.name].ap == pytest.approx(expected, nan_ok=True)


def _their_mean(precision: np.ndarray) -> float:
    present = precision[precision > -1]
    return float(present.mean()) if present.size else math.nan


@calm
@given(seed=seeds)
def test_perfect_detections_give_one(seed: int) -> None:
    annotations, _ = random_case(seed)
    ours = evaluate(annotations, perfect(annotations), (*COCO_BUCKETS, *AITOD_BUCKETS))
    every = [ours.total, *ours.per_class.values(), *ours.per_bucket.values()]
    for scores in every:
        if scores.objects:
            assert (scores.ap, scores.ap50, scores.recall) == pytest.approx((1, 1, 1))
        else:
            assert math.isnan(scores.ap)


@calm
@given(seed=seeds)
def test_the_order_of_the_images_changes_nothing(seed: int) -> None:
    annotations, detections = random_case(seed, distinct_scores=True)
    order = np.random.default_rng(seed).permutation(len(detections))
    shuffled = replace(annotations, images=tuple(annotations.images[i] for i in order))
    assert_same(
        evaluate(annotations, detections), evaluate(shuffled, [detections[i] for i in order])
    )


@calm
@given(seed=seeds)
def test_a_false_alarm_below_all_scores_does_not_raise_anything(seed: int) -> None:
    annotations, detections = random_case(seed, classes=1)
    before = evaluate(annotations, detections)
    last = detections[0]
    corner = np.float32([[198, 198, 200, 200]])
    detections[0] = Detections(
        np.concatenate([last.boxes_xyxy, corner]),
        np.append(last.scores, np.float32(0.01)),
        np.append(last.labels, 0),
    )
    after = evaluate(annotations, detections)
    for name in ("ap", "ap50", "ap75"):
        earlier = getattr(before, name)
        assert math.isnan(earlier) or getattr(after, name) <= earlier + 1e-12


@calm
@given(seed=seeds)
def test_scores_are_shares_and_ap_falls_with_the_overlap_asked_for(seed: int) -> None:
    annotations, detections = random_case(seed)
    ours = evaluate(annotations, detections)
    for scores in ours.per_class.values():
        if scores.objects:
            assert 0 <= scores.ap75 <= scores.ap50 + 1e-12 <= 1 + 2e-12
            assert 0 <= scores.ap <= scores.ap50 + 1e-12


def test_ignored_objects_count_neither_way() -> None:
    box, region = [10, 10, 50, 50], [100, 100, 180, 180]
    annotations = annotated(labelled([box, region], [0, 0], [False, True]))
    inside = [[110, 110, 130, 130], [140, 140, 160, 160]]
    detections = [found([box, *inside], [0.5, 0.9, 0.8], [0, 0, 0])]
    ours = evaluate(annotations, detections)
    assert ours.ap == pytest.approx(1.0)
    assert ours.total.objects == 1
    assert ours.matches[0].false_alarms(0).sum() == 0


def test_nothing_detected_gives_zero() -> None:
    annotations = annotated(labelled([[0, 0, 40, 40]], [0]), labelled([], [], name="b.jpg"))
    ours = evaluate(annotations, [Detections.empty(), Detections.empty()])
    assert (ours.ap, ours.ap50, ours.total.recall) == (0.0, 0.0, 0.0)
    assert ours.per_bucket["medium"].ap == 0.0
    assert math.isnan(ours.per_bucket["small"].ap)


@pytest.mark.parametrize("images", [0, 2])
def test_nothing_labelled_gives_nan(images: int) -> None:
    annotations = annotated(*[labelled([], [])] * images)
    ours = evaluate(annotations, [found([[0, 0, 9, 9]], [0.9], [0])] * images)
    assert math.isnan(ours.ap)
    assert ours.total.objects == 0
    assert math.isnan(ours.per_class["class 0"].ap)
    assert all(match.false_alarms(0.5).sum() == 1 for match in ours.matches)


def test_a_class_without_objects_is_left_out_of_the_mean() -> None:
    annotations = annotated(labelled([[0, 0, 40, 40]], [1]), classes=3)
    detections = [found([[0, 0, 40, 40], [50, 50, 90, 90]], [0.9, 0.99], [1, 2])]
    ours = evaluate(annotations, detections)
    assert ours.ap == pytest.approx(1.0)
    assert [s.objects for s in ours.per_class.values()] == [0, 1, 0]
    assert math.isnan(ours.per_class["class 2"].ap)


def test_only_the_best_detections_are_kept() -> None:
    boxes = [[0, 0, 40, 40], [60, 60, 99, 99], [120, 120, 160, 160]]
    annotations = annotated(labelled(boxes, [0, 0, 0]))
    detections = [found(boxes, [0.9, 0.8, 0.7], [0, 0, 0])]
    ours = evaluate(annotations, detections, max_detections=2)
    assert ours.total.recall == pytest.approx(2 / 3)
    assert ours.matches[0].neutral.tolist() == [False, False, True]


def test_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    annotations, detections = random_case(1)
    evaluate(annotations, detections)
    assert capfd.readouterr().out == ""


def test_one_result_for_each_image_is_asked_for() -> None:
    with pytest.raises(ValueError, match="0 results for 1 images"):
        evaluate(annotated(labelled([], [])), [])


def test_on_real_labels_perfect_is_one_and_shifted_is_not(shared_data) -> None:
    from edgedet.data.opening import open_annotations

    annotations = open_annotations(shared_data / "det_bccd", "val")
    assert evaluate(annotations, perfect(annotations)).ap == pytest.approx(1.0)
    shifted = [
        Detections(r.boxes_xyxy + np.float32(8), r.scores, r.labels) for r in perfect(annotations)
    ]
    ours = evaluate(annotations, shifted)
    assert ours.ap < ours.ap50 < 1


def assert_same(a: Evaluation, b: Evaluation) -> None:
    for left, right in zip(_all_scores(a), _all_scores(b), strict=True):
        for name in ("ap", "ap50", "ap75", "recall"):
            assert getattr(left, name) == pytest.approx(getattr(right, name), nan_ok=True)


def _all_scores(evaluation: Evaluation) -> list[Scores]:
    return [evaluation.total, *evaluation.per_class.values(), *evaluation.per_bucket.values()]
