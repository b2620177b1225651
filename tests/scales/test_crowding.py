import numpy as np
import pytest
from labelled_cases import annotations, labelled, scattered

from edgedet.runtime.boxes import iou_matrix
from edgedet.scales.crowding import closest_ious, crowding
from edgedet.scales.objects import place_objects


def test_closest_of_the_same_class_and_image():
    objects = place_objects(scattered(120, 60, 0.3, images=3, classes=2), 512)
    for i, found in enumerate(closest_ious(objects)):
        same = (objects.image == objects.image[i]) & (objects.labels == objects.labels[i])
        same[i] = False
        ious = iou_matrix(objects.boxes_xyxy[i : i + 1], objects.boxes_xyxy[same])
        assert found == pytest.approx(ious.max(initial=0))


def pair(shift):
    return labelled([[0, 0, 100, 100], [shift, 0, 100 + shift, 100]])


def test_suppression_must_leave_neighbours_alone():
    """Shifted by 40 of 100 px: an IoU of 60 / 140."""
    crowd = crowding(place_objects(annotations(pair(40)), 512), 0.3)
    assert (crowd.lost, crowd.needed_iou) == (1.0, 0.45)


def test_objects_apart_need_nothing():
    crowd = crowding(place_objects(annotations(pair(90)), 512), 0.3)
    assert (crowd.lost, crowd.needed_iou) == (0.0, 0.3)


def test_doubled_labels_do_not_switch_suppression_off():
    assert crowding(place_objects(annotations(pair(0)), 512), 0.3).needed_iou == 0.6


def test_a_few_overlaps_among_many_objects_are_no_crowd():
    grid = [[x * 50, y * 50, x * 50 + 20, y * 50 + 20] for x in range(10) for y in range(10)] * 3
    images = [labelled(np.array(grid[i : i + 100])) for i in range(0, 300, 100)]
    crowd = crowding(place_objects(annotations(*images, pair(40)), 512), 0.3)
    assert crowd.lost == pytest.approx(2 / 302)
    assert crowd.needed_iou == 0.3
