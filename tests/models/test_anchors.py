import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedet.models.anchors import a_score, anchor_shapes, grid_anchors, square_sides
from edgedet.runtime.errors import UsageError

from .slow_references import slow_anchors

EXACT_FIELDS = (43, 107, 139, 203)
CODE_FIELDS = (59, 171, 203, 267)


@settings(max_examples=40, deadline=None)
@given(
    side=st.integers(1, 140),
    stride=st.sampled_from((4, 8, 16, 32, 64)),
    shapes=st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), min_size=1, max_size=3),
)
def test_grid_is_row_major_with_the_anchor_fastest(side, stride, shapes):
    found = grid_anchors((side, side), stride, torch.tensor(shapes, dtype=torch.float32))
    assert np.allclose(found.numpy(), slow_anchors(side, stride, shapes))


def test_rows_follow_the_height_and_columns_the_width():
    anchors = grid_anchors((16, 24), 8, torch.tensor([[2.0, 6.0]]))
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2
    expected = [(4, 4), (12, 4), (20, 4), (4, 12), (12, 12), (20, 12)]
    assert centres.tolist() == [list(map(float, c)) for c in expected]
    assert (anchors[:, 2:] - anchors[:, :2]).tolist() == [[2.0, 6.0]] * 6


@settings(max_examples=30, deadline=None)
@given(multiple=st.integers(1, 20), stride=st.sampled_from((8, 16, 32, 64)))
def test_centres_lie_inside_the_image(multiple, stride):
    side = multiple * stride
    anchors = grid_anchors((side, side), stride, torch.tensor([[25.0, 25.0]]))
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2
    assert (centres > 0).all()
    assert (centres < side).all()


@pytest.mark.parametrize(("side", "expected"), [(512, 5440), (300, 1930), (320, 2125)])
def test_anchor_counts_of_section_6(side, expected):
    shape = torch.tensor([[25.0, 25.0]])
    assert sum(len(grid_anchors((side, side), s, shape)) for s in (8, 16, 32, 64)) == expected


def test_shapes_anchors_of_section_a2():
    square = torch.ones(3, 2)
    assert [len(grid_anchors((224, 224), s, square)) for s in (4, 8, 16)] == [9408, 2352, 588]


def test_a_diagonal_is_divided_by_the_square_root_of_two():
    assert square_sides((25, 38), "side") == (25.0, 38.0)
    assert square_sides(25, "side") == (25.0,)
    assert square_sides((25, 38), "diagonal") == pytest.approx((17.677670, 26.870058))
    with pytest.raises(UsageError, match="side, diagonal.*'corner'"):
        square_sides((25,), "corner")


@settings(max_examples=40, deadline=None)
@given(
    sides=st.lists(st.floats(1, 300), min_size=1, max_size=4),
    ratios=st.lists(st.floats(0.1, 10), min_size=1, max_size=4),
)
def test_shapes_are_side_major_and_keep_the_area(sides, ratios):
    w, h = anchor_shapes(sides, ratios).reshape(len(sides), len(ratios), 2).unbind(dim=2)
    area = torch.tensor(sides)[:, None] ** 2
    assert torch.allclose(w * h, area.expand_as(w), rtol=1e-4)
    assert torch.allclose(w / h, torch.tensor(ratios).expand_as(w), rtol=1e-4)


@pytest.mark.parametrize(
    ("sides", "fields", "expected"),
    [
        ((25, 38, 58, 87), EXACT_FIELDS, 2.316),
        ((25, 38, 58, 87), CODE_FIELDS, 3.357),
    ],
)
def test_scores_of_section_2(sides, fields, expected):
    assert a_score(fields, sides) == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize(
    ("sides", "exact", "papers_fields"),
    [
        ((20, 41, 81, 164), 1.93, 1.94),
        ((25, 38, 58, 87), 2.32, 2.34),
        ((25, 43, 74, 124), 1.93, 1.95),
        ((28, 45, 72, 115), 1.90, 1.92),
        ((30, 45, 60, 80), 2.17, 2.19),
        ((30, 45, 60, 90), 2.10, 2.12),
    ],
)
def test_scores_of_section_7(sides, exact, papers_fields):
    assert round(a_score(EXACT_FIELDS, sides), 2) == exact
    assert round(a_score((43, 107, 141, 207), sides), 2) == papers_fields


LEVELS = st.lists(
    st.one_of(st.floats(1, 500), st.lists(st.floats(1, 500), min_size=1, max_size=4)),
    min_size=4,
    max_size=4,
)


def scaled(level, factor):
    return [s * factor for s in level] if isinstance(level, list) else level * factor


@settings(max_examples=80, deadline=None)
@given(levels=LEVELS, factor=st.floats(0.1, 10))
def test_invariant_1_score_is_linear_in_one_over_the_anchor(levels, factor):
    found = a_score(EXACT_FIELDS, [scaled(level, factor) for level in levels])
    assert math.isclose(found * factor, a_score(EXACT_FIELDS, levels), rel_tol=1e-9)


@settings(max_examples=80, deadline=None)
@given(levels=LEVELS)
def test_score_is_the_mean_over_all_anchors(levels):
    sides = [level if isinstance(level, list) else [level] for level in levels]
    single = [f / s for f, level in zip(EXACT_FIELDS, sides, strict=True) for s in level]
    assert math.isclose(a_score(EXACT_FIELDS, levels), np.mean(single), rel_tol=1e-9)
    assert a_score(EXACT_FIELDS, levels) == a_score(EXACT_FIELDS, sides)


def test_score_needs_one_field_a_level():
    with pytest.raises(ValueError):
        a_score((43, 107), (25, 38, 58, 87))
