"""Which detection hit what, and the second report at a cut."""

from __future__ import annotations

import math

import numpy as np
import pytest
from evaluation_cases import annotated, found, labelled, random_case, seeds
from hypothesis import given, settings
from slow_average_precision import average_precision

from edgedet.evaluation.coco import evaluate
from edgedet.evaluation.cut import best_cut, report_cut
from edgedet.evaluation.matches import Matches
from edgedet.runtime.boxes import iou_matrix
from edgedet.runtime.detections import Detections

A, B, C = [0, 0, 40, 40], [60, 60, 99, 99], [120, 120, 160, 160]


def test_hits_misses_and_false_alarms_of_one_image() -> None:
    annotations = annotated(labelled([A, B], [0, 1]), classes=2)
    # A twice, B under the wrong class, C where nothing is.
    detections = [found([A, A, B, C], [0.9, 0.8, 0.7, 0.2], [0, 0, 0, 1])]
    (match,) = evaluate(annotations, detections).matches
    assert match.object_of.tolist() == [0, -1, -1, -1]
    assert match.hits(0.3).tolist() == [True, False, False, False]
    assert match.false_alarms(0.3).tolist() == [False, True, True, False]
    assert match.misses(0.3).tolist() == [False, True]
    assert match.misses(0.95).tolist() == [True, True]
    assert match.errors(0.3) == 3


def test_indices_are_those_of_each_image() -> None:
    annotations = annotated(labelled([C], [0]), labelled([], []), labelled([A, B], [0, 0]))
    detections = [
        Detections.empty(),
        found([B], [0.5], [0]),
        found([B, C, A], [0.9, 0.8, 0.7], [0] * 3),
    ]
    first, second, third = evaluate(annotations, detections).matches
    assert first.misses(0).tolist() == [True]
    assert second.false_alarms(0).tolist() == [True]
    assert third.object_of.tolist() == [1, -1, 0]


@settings(deadline=None, max_examples=25)
@given(seed=seeds)
def test_counts_add_up(seed: int) -> None:
    annotations, detections = random_case(seed)
    matches = evaluate(annotations, detections).matches
    for image, result, match in zip(annotations.images, detections, matches, strict=True):
        for cut in (0.0, 0.3, 0.6):
            hits = match.hits(cut)
            assert hits.sum() + match.misses(cut).sum() == (~image.ignored).sum()
            assert not (hits & match.false_alarms(cut)).any()
            objects = match.object_of[hits]
            assert len(set(objects.tolist())) == len(objects)
            overlaps = iou_matrix(result.boxes_xyxy[hits], image.boxes_xyxy[objects])
            assert (np.diagonal(overlaps) >= 0.5 - 1e-6).all()
            assert (result.labels[hits] == image.labels[objects]).all()


@settings(deadline=None, max_examples=15)
@given(seed=seeds)
def test_the_cut_equals_evaluating_what_is_above_it(seed: int) -> None:
    annotations, detections = random_case(seed, classes=1)
    report = report_cut(annotations, detections, evaluate(annotations, detections), cut=0.5)
    above = [
        found(r.boxes_xyxy[r.scores > 0.5], r.scores[r.scores > 0.5], r.labels[r.scores > 0.5])
        for r in detections
    ]
    slow = average_precision(annotations, above, label=0, iou=0.5)
    assert report.scores.ap50 == pytest.approx(slow, nan_ok=True)
    assert report.hits + report.misses == annotations.counts()[0]
    matches = evaluate(annotations, above).matches
    assert report.false_alarms == sum(int(m.false_alarms(0).sum()) for m in matches)


def test_precision_recall_and_f1() -> None:
    annotations = annotated(labelled([A, B, C], [0, 0, 0]))
    detections = [found([A, B, [0, 60, 20, 90]], [0.9, 0.2, 0.8], [0, 0, 0])]
    report = report_cut(annotations, detections, evaluate(annotations, detections))
    assert (report.hits, report.misses, report.false_alarms) == (1, 2, 1)
    assert report.precision == 1 / 2
    assert report.recall == 1 / 3
    assert report.f1 == pytest.approx(2 * (1 / 2) * (1 / 3) / (1 / 2 + 1 / 3))


def test_shares_of_nothing_do_not_exist() -> None:
    annotations = annotated(labelled([], []))
    detections = [Detections.empty()]
    report = report_cut(annotations, detections, evaluate(annotations, detections))
    assert all(math.isnan(v) for v in (report.precision, report.recall, report.f1))


@pytest.mark.parametrize("seed", range(6))
def test_the_best_cut_is_that_of_trying_each_score(seed: int) -> None:
    rng = np.random.RandomState(seed)
    matches = []
    for _ in range(5):
        scores = np.sort(rng.randint(5, 100, 12) / np.float32(100))[::-1].astype(np.float32)
        object_of = np.where(rng.rand(12) < 0.5, np.arange(12), -1)
        neutral = rng.rand(12) < 0.1
        object_of[neutral] = -1
        matches.append(Matches(scores, object_of, neutral, rng.rand(14) < 0.1))

    def slow_f1(cut: float) -> float:
        hits = misses = false_alarms = 0
        for match in matches:
            kept = [i for i in range(12) if match.scores[i] >= cut and not match.neutral[i]]
            found = sum(match.object_of[i] >= 0 for i in kept)
            hits, false_alarms = hits + found, false_alarms + len(kept) - found
            misses += int((~match.ignored).sum()) - found
        return 2 * hits / (2 * hits + misses + false_alarms)

    tried = {float(s) for match in matches for s in match.scores}
    assert slow_f1(best_cut(matches)) == max(slow_f1(cut) for cut in tried)


def test_without_hits_there_is_no_best_cut() -> None:
    none = np.zeros(0, bool)
    nothing = Matches(np.zeros(0, np.float32), none.astype(int), none, np.ones(1, bool))
    assert np.isnan(best_cut([nothing]))
