"""Geometry against loops in exact fractions."""

from fractions import Fraction

import numpy as np
import pytest

from edgedet.runtime.tracking.segments import crossings, distances, rays_cut


def _exact(points):
    return [[Fraction(float(part)) for part in point] for point in points]


def _side(start, end, point):
    return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])


def _slow_crossing(before, after, start, end):
    was, now = _side(start, end, before), _side(start, end, after)
    if (was >= 0) == (now >= 0):
        return 0
    share = was / (was - now)
    where = [b + share * (a - b) for b, a in zip(before, after)]
    along = [e - s for s, e in zip(start, end)]
    length = sum((w - s) * d for w, s, d in zip(where, start, along))
    if not 0 <= length <= sum(d * d for d in along):
        return 0
    return 1 if now >= 0 else -1


@pytest.mark.parametrize("seed", range(5))
def test_crossings_are_those_of_exact_arithmetic(seed):
    random = np.random.RandomState(seed)
    # A coarse grid, so that points on lines, ends met and parallels are common.
    before, after = random.randint(0, 5, (2, 60, 2)) / 4
    starts, ends = random.randint(0, 5, (2, 12, 2)) / 4
    proper = (starts != ends).any(axis=1)
    starts, ends = starts[proper], ends[proper]
    expected = [
        [_slow_crossing(b, a, s, e) for s, e in zip(_exact(starts), _exact(ends))]
        for b, a in zip(_exact(before), _exact(after))
    ]
    assert crossings(before, after, starts, ends).tolist() == expected


def test_a_path_crosses_a_line_as_often_as_it_changes_sides():
    random = np.random.RandomState(0)
    path = random.randint(0, 5, (500, 2)) / 4.0
    line = np.array([[-9.0, 0.5]]), np.array([[9.0, 0.5]])
    steps = crossings(path[:-1], path[1:], *line)[:, 0]
    sides = (path[:, 1] >= 0.5).astype(int)
    assert steps.tolist() == np.diff(sides).tolist()


def test_the_right_hand_side_is_below_a_line_to_the_right():
    steps = crossings(
        np.array([[0.5, 0.4]]),
        np.array([[0.5, 0.6]]),
        np.array([[0.0, 0.5]]),
        np.array([[1.0, 0.5]]),
    )
    assert steps.tolist() == [[1]]


def test_points_are_inside_as_opencv_says():
    cv2 = pytest.importorskip("cv2")
    random = np.random.RandomState(3)
    angles = np.sort(random.uniform(0, 2 * np.pi, 9))
    radii = random.uniform(0.1, 0.5, 9)
    corners = 0.5 + np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)
    points = random.uniform(0, 1, (400, 2))
    cut = rays_cut(points, corners, np.roll(corners, -1, axis=0))
    inside = np.count_nonzero(cut, axis=1) % 2 == 1
    polygon = corners.astype(np.float32).reshape(-1, 1, 2)
    expected = [cv2.pointPolygonTest(polygon, (x, y), False) > 0 for x, y in points.tolist()]
    assert inside.tolist() == expected


def test_a_point_is_inside_one_of_the_parts_of_a_square():
    """Also on the edges between them and at the height of their corners."""
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    steps = np.arange(1, 16) / 16.0
    points = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    for middle in ([0.5, 0.5], [0.25, 0.75], [0.875, 0.125]):
        times = np.zeros(len(points), int)
        for first in range(4):
            part = np.array([square[first], square[(first + 1) % 4], middle])
            cut = rays_cut(points, part, np.roll(part, -1, axis=0))
            times += np.count_nonzero(cut, axis=1) % 2
        assert times.tolist() == [1] * len(points)


def test_distances_are_to_the_nearest_point():
    random = np.random.RandomState(1)
    points, starts, ends = random.uniform(0, 1, (3, 20, 2))
    shares = np.linspace(0, 1, 4001)[:, None, None]
    along = starts + shares * (ends - starts)
    expected = [np.sqrt(((along - point) ** 2).sum(axis=2)).min(axis=0) for point in points]
    np.testing.assert_allclose(distances(points, starts, ends), expected, atol=2e-4)
