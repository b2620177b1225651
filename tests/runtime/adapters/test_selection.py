import numpy as np
import pytest
import slow_decoders

from edgedet.runtime.adapters.selection import LEAST_SCORE, best_pairs


def slow(scores, objectness, count):
    """All pairs in the order of anchors and labels, the best first; ties stay in order."""
    scores = scores if objectness is None else scores * objectness[:, None]
    pairs = [((a, c, 0, 0), scores[a, c], c) for a in range(len(scores)) for c in range(3)]
    boxes, values, labels = slow_decoders.best(pairs, count, LEAST_SCORE)
    return boxes[:, 0].astype(int), values, labels


@pytest.mark.parametrize("count", [1, 7, 1000])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_the_best_pairs_as_by_sorting_all_of_them(count, weighted, seed):
    random = np.random.RandomState(seed)
    scores = random.uniform(0, 1, (40, 3)) ** 8
    objectness = random.uniform(0, 1, 40) if weighted else None
    anchors, values, labels = slow(scores, objectness, count)
    found = best_pairs(scores, count, objectness)
    np.testing.assert_array_equal(found.anchors, anchors)
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_array_equal(found.scores, values)


def test_ties_go_by_anchor_then_label():
    found = best_pairs(np.full((5, 2), 0.5), 10)
    assert found.anchors.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert found.labels.tolist() == [0, 1] * 5


def test_what_is_below_the_gate_or_no_number_is_none():
    scores = np.array([[0.0005, 0.0009], [np.nan, 0.5], [0.002, 0.0]])
    found = best_pairs(scores, 10)
    assert found.anchors.tolist() == [2]
    found = best_pairs(scores, 10, objectness=np.array([1.0, 1.0, np.nan]))
    assert found.anchors.tolist() == [1]
    assert len(best_pairs(np.zeros((0, 4)), 10).scores) == 0
