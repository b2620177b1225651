import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled_cases import annotations, labelled

from edgedet.scales.objects import place_objects
from edgedet.scales.sizes import TINY_PX, report_sizes


def squares(sides, **kwargs):
    return labelled([[0, 0, side, side] for side in sides], **kwargs)


def test_percentiles_of_each_class():
    image = labelled([[0, 0, s, s] for s in range(10, 111)] + [[0, 0, 40, 10]], [0] * 101 + [1])
    report = report_sizes(place_objects(annotations(image, classes=("a", "b", "none")), 512))
    every, first, second, none = report.rows
    assert [row.objects for row in report.rows] == [102, 101, 1, 0]
    assert first.side_px == pytest.approx((11, 15, 35, 60, 85, 105, 109))
    assert second.ratio == (4,) * 7
    assert second.side_px == (20,) * 7
    assert all(map(math.isnan, none.side_px))
    assert every.name == "all"


def test_objects_per_image():
    images = [squares([20] * n) for n in (0, 2, 4)]
    report = report_sizes(place_objects(annotations(*images), 512))
    counts = report.per_image
    assert (counts.mean, counts.p50, counts.most) == (2, 2, 4)
    assert (report.images, report.empty_images) == (3, 1)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(1.1, 60), min_size=1, max_size=60), st.sampled_from((64, 320, 512)))
def test_the_advised_input_lifts_enough_objects_and_the_next_smaller_does_not(sides, imgsz):
    data = annotations(squares(sides, size_hw=(512, 512)))

    def share_lifted(size, least=TINY_PX - 1e-4):
        return (place_objects(data, size).sides >= least).sum() / len(sides)

    objects = place_objects(data, imgsz)
    if len(objects.sides) == 0:
        return
    small = report_sizes(objects).too_small
    # A step of one object: which of two neighbours the 5th percentile is.
    slack = 1 / len(sides)
    if small.imgsz is None:
        assert share_lifted(imgsz) >= 0.95 - slack
        return
    tiled = (np.array(sides) * imgsz / 512 * small.tiles >= TINY_PX - 1e-4).mean()
    assert min(share_lifted(small.imgsz), tiled) >= 0.95 - slack
    assert share_lifted(small.imgsz - 32, TINY_PX + 1e-4) < 0.95 + slack
    assert small.imgsz % 32 == 0
    assert small.enlarges == (small.imgsz > 512)


def test_vanished_objects_are_counted_as_too_small():
    small = report_sizes(place_objects(annotations(squares([0.5, 3, 20])), 512)).too_small
    assert (small.objects, small.vanished) == (2, 1)


def test_objects_that_vanish_are_lifted_as_well():
    """Half of them 0.8 px: an input that shows only the rest well does not serve."""
    data = annotations(squares([0.8] * 5 + [30] * 5))
    small = report_sizes(place_objects(data, 512)).too_small
    assert (small.objects, small.vanished, small.tiles) == (5, 5, 10)
    assert (place_objects(data, small.imgsz).sides >= TINY_PX - 1e-4).all()


def test_real_tiny_cars(shared_data):
    from edgedet.data.opening import open_annotations

    cars = open_annotations(shared_data / "det_aerial_cars")
    report = report_sizes(place_objects(cars, 256))
    slow = [
        np.sqrt(w / image.size_hw[1] * 256 * h / image.size_hw[0] * 256)
        for image in cars.images
        for x1, y1, x2, y2 in image.boxes_xyxy
        for w, h in [(x2 - x1, y2 - y1)]
    ]
    assert report.rows[0].side_px[3] == pytest.approx(np.median(slow), rel=1e-5)
    assert report.too_small.objects == sum(side < 8 for side in slow)
    assert report.too_small.imgsz > 256
