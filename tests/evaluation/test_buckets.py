"""Size buckets as the user writes them."""

from __future__ import annotations

import pytest
from evaluation_cases import annotated, labelled, perfect

from edgedet.evaluation.buckets import AITOD_BUCKETS, COCO_BUCKETS, SizeBucket, parse_buckets
from edgedet.evaluation.coco import evaluate
from edgedet.runtime.errors import UsageError


@pytest.mark.parametrize(
    ("text", "buckets"),
    [
        ("", ()),
        ("coco", COCO_BUCKETS),
        ("aitod", AITOD_BUCKETS),
        ("coco, aitod", (*COCO_BUCKETS, *AITOD_BUCKETS)),
        ("near:0-32,far:32-1e5", (SizeBucket("near", 0, 32), SizeBucket("far", 32, 1e5))),
        ("coco,half:.5-2.5", (*COCO_BUCKETS, SizeBucket("half", 0.5, 2.5))),
    ],
)
def test_parse(text: str, buckets: tuple[SizeBucket, ...]) -> None:
    assert parse_buckets(text) == buckets


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cocoo", "did you mean coco"),
        ("near", "near:0-32"),
        ("near:32-0", "smallest side < largest side"),
        ("near:5-5", "smallest side < largest side"),
        ("near:-1-5", "name:SMALLEST-LARGEST"),
        ("near:0-x", "name:SMALLEST-LARGEST"),
        (":0-5", "name:SMALLEST-LARGEST"),
        ("coco,small:0-5", "small twice"),
    ],
)
def test_a_mistake_says_what_to_write(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_buckets(text)


def test_a_size_on_the_border_counts_on_both_sides_as_in_coco() -> None:
    annotations = annotated(labelled([[0, 0, 32, 32]], [0]))
    per_bucket = evaluate(annotations, perfect(annotations)).per_bucket
    assert [scores.objects for scores in per_bucket.values()] == [1, 1, 0]


def test_labels_are_for_people() -> None:
    assert [bucket.label for bucket in COCO_BUCKETS] == [
        "small (0-32 px)",
        "medium (32-96 px)",
        "large (>96 px)",
    ]
