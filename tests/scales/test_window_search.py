import numpy as np
import pytest
from labelled_cases import scattered

from edgedet.models.tap_points import tap_points
from edgedet.scales.objects import place_objects
from edgedet.scales.overlaps import Overlaps
from edgedet.scales.window import PAPER
from edgedet.scales.window_search import search_sets


@pytest.fixture(scope="module")
def objects():
    return place_objects(scattered(300, 35, 0.4), 512)


def test_one_set_of_each_length_in_geometric_steps(objects):
    sets = search_sets(Overlaps(objects), objects.sides, "mobilenet_v2", PAPER)
    assert [len(s.sides) for s in sets] == [1, 2, 3, 4, 5, 6]
    for found in sets[2:]:
        steps = np.diff(np.log(found.sides))
        assert steps == pytest.approx(steps.mean(), abs=0.03)


def test_the_sizes_suit_some_block_of_the_trunk(objects):
    fields = np.array([p.field_px for p in tap_points("mobilenet_v2")])
    for found in search_sets(Overlaps(objects), objects.sides, "mobilenet_v2", PAPER):
        ratios = fields[:, None] / np.array(found.sides)
        assert ((ratios >= 1.48) & (ratios <= 2.53)).any(axis=0).all()


def test_more_sizes_overlap_more(objects):
    overlaps = Overlaps(objects)
    sets = search_sets(overlaps, objects.sides, "mobilenet_v2", PAPER)
    means = [overlaps.best(s.sides, [8] * len(s.sides), (1.0,)).mean() for s in sets]
    assert means[0] < means[1] < means[3]
