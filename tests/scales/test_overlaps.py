import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled_cases import annotations, scattered

from edgedet.scales import overlaps as module
from edgedet.scales.best_iou import GridShape, best_ious
from edgedet.scales.objects import place_objects
from edgedet.scales.overlaps import Overlaps


def test_best_is_that_of_all_shapes():
    objects = place_objects(scattered(60, 30, 0.5), 512)
    sides, strides, ratios = (20.0, 40.0), (8, 16), (0.5, 1.0)
    found = Overlaps(objects).best(sides, strides, ratios)
    shapes = [
        GridShape(s * r**0.5, s / r**0.5, d)
        for s, d in zip(sides, strides, strict=True)
        for r in ratios
    ]
    slow = best_ious(objects.boxes_xyxy, shapes, 512).max(axis=1)
    np.testing.assert_allclose(np.sort(found), np.sort(slow), rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(6)))
def test_best_ious_do_not_depend_on_the_order_of_images(order):
    data = scattered(80, 30, 0.6, images=6)
    shuffled = annotations(*(data.images[i] for i in order), classes=data.class_names)
    one, other = (Overlaps(place_objects(part, 512)) for part in (data, shuffled))
    for side, stride in ((20.0, 8), (60.0, 16)):
        assert (one.column(side, 1.0, stride) == other.column(side, 1.0, stride)).all()


def test_many_objects_are_sampled_evenly(monkeypatch):
    monkeypatch.setattr(module, "MOST_OBJECTS", 50)
    objects = place_objects(scattered(400, 30, 0.5), 512)
    overlaps = Overlaps(objects)
    assert overlaps.boxes_xyxy.shape == (50, 4)
    left = overlaps.boxes_xyxy[:, 0]
    assert abs(np.median(left) - np.median(objects.boxes_xyxy[:, 0])) < 15
