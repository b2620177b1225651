"""The camera of whoever has none."""

import numpy as np
import pytest

from edgedet.runtime.camera.live_source import CaptureWish
from edgedet.runtime.camera.moving_shapes import OBJECTS, MovingShapes
from edgedet.runtime.camera.source_uri import parse_source

FAST = CaptureWish(fast=True)


def frames(uri, count, wish=FAST):
    with MovingShapes(parse_source(uri, wish)) as source:
        return [source.read() for _ in range(count)], source


@pytest.mark.parametrize("size", ["640x480", "1920x1080", "32x32", "7x3", "1x1"])
def test_every_size_has_all_shapes_within_the_frame(size):
    (image, *_), source = frames("shapes://" + size, 40)
    width, height = (int(side) for side in size.split("x"))
    assert image.shape == (height, width, 3)
    for number in range(0, 4000, 37):
        boxes = source.boxes_xyxy(number)
        assert boxes.shape == (OBJECTS, 4)
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= [width, height]).all()


def test_what_shows_is_where_the_boxes_say():
    """And nowhere else: the ground is white."""
    images, source = frames("shapes://320x240@10", 30)
    for number in (0, 11, 29):
        shown = (images[number] != 255).any(axis=2)
        inside = np.zeros_like(shown)
        for left, top, right, bottom in source.boxes_xyxy(number).tolist():
            inside[top:bottom, left:right] = True
            edges = shown[top:bottom, left:right]
            assert edges.any(axis=0).all()  # the box is tight
            assert edges.any(axis=1).all()
        assert not (shown & ~inside).any()
