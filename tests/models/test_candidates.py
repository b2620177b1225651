import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedet.models.candidates import best_pairs, candidate_count, gather_columns


@pytest.mark.parametrize(
    ("top_k", "available", "expected"),
    [(1000, 5440, 1000), (1000, 85, 85), (1, 85, 1), (10000, 16320, 3840), (3841, 9999, 3840)],
)
def test_count_is_bounded_by_what_exists_and_by_tensorrt(top_k, available, expected):
    assert candidate_count(top_k, available) == expected


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 3),
    classes=st.integers(1, 4),
    anchors=st.integers(1, 30),
    top_k=st.integers(1, 150),
    seed=st.integers(0, 999),
)
def test_best_pairs_equal_a_full_sort(n, classes, anchors, top_k, seed):
    rng = np.random.default_rng(seed)
    values = rng.permutation(n * classes * anchors).astype(np.float32)
    scores = values.reshape(n, classes, anchors)
    found = [t.numpy() for t in best_pairs(torch.from_numpy(scores), top_k)]
    for i in range(n):
        pairs = [(scores[i, c, a], c, a) for c in range(classes) for a in range(anchors)]
        pairs = sorted(pairs, reverse=True)[:top_k]
        assert [tuple(row) for row in zip(*(f[i] for f in found), strict=True)] == pairs
    assert found[1].dtype == found[2].dtype == np.int64


def test_one_anchor_may_appear_once_for_each_class():
    scores = torch.tensor([[[0.1, 0.9], [0.2, 0.8]]])
    best, labels, anchors = best_pairs(scores, 3)
    assert best[0].tolist() == pytest.approx([0.9, 0.8, 0.2])
    assert labels[0].tolist() == [0, 1, 1]
    assert anchors[0].tolist() == [1, 1, 0]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), k=st.integers(1, 9))
def test_columns_are_gathered_image_by_image(seed, k):
    torch.manual_seed(seed)
    values, columns = torch.rand(3, 4, 7), torch.randint(0, 7, (3, k))
    found = gather_columns(values, columns)
    assert found.shape == (3, k, 4)
    for i in range(3):
        for j in range(k):
            assert torch.equal(found[i, j], values[i, :, columns[i, j]])
