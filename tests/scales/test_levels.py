import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedet.models.receptive_field import receptive_fields
from edgedet.models.ssd_detector import ssd_maps
from edgedet.models.ssd_options import SsdOptions
from edgedet.runtime.errors import UsageError
from edgedet.scales.levels import layouts, level_of
from edgedet.scales.window import PAPER

TRUNKS = ("mobilenet_v2", "mobilenet_v3_large", "resnet18")


@pytest.mark.parametrize("trunk", TRUNKS)
def test_fields_and_strides_are_those_of_the_network(trunk):
    """Extra maps as well: the network is built and its fields are traced."""
    known = layouts(trunk)
    for layout in known[:: len(known) // 7]:
        options = SsdOptions(trunk=trunk, taps=layout.taps, anchors=(1.0,) * len(layout.levels))
        with torch.device("meta"):
            maps = ssd_maps(options)
        assert [level.stride for level in layout.levels] == maps.strides
        fields = receptive_fields(maps, through_gates=True)
        assert [level.field_px for level in layout.levels] == [f.size for f in fields]
        assert layout.depth == layout.taps[-1]


def test_layouts_differ_and_have_one_to_four_levels():
    known = layouts("mobilenet_v2")
    assert len({(layout.taps, len(layout.levels)) for layout in known}) == len(known)
    assert {len(layout.levels) for layout in known} == {1, 2, 3, 4}
    assert min(level.stride for layout in known for level in layout.levels) == 4


def test_an_unknown_trunk_is_named():
    with pytest.raises(UsageError, match="mobilenet_v2"):
        layouts("mobilenetv2")


def slow_level(side, fields, strides, finest):
    inside = [i for i, f in enumerate(fields) if 1.5 / 1.01 <= f / side <= 2.5 * 1.01]
    if finest and inside:
        return min(inside, key=lambda i: (strides[i], abs(np.log2(fields[i] / side / 2)), i))
    return min(range(len(fields)), key=lambda i: (abs(np.log2(fields[i] / side / 2)), i))


@settings(max_examples=100, deadline=None)
@given(
    sides=st.lists(st.floats(2, 300), min_size=1, max_size=5),
    levels=st.lists(
        st.tuples(st.integers(5, 600), st.sampled_from((4, 8, 16))), min_size=1, max_size=4
    ),
    finest=st.booleans(),
)
def test_each_side_goes_to_the_level_that_suits_it(sides, levels, finest):
    fields, strides = zip(*sorted(levels, key=lambda level: level[::-1]), strict=True)
    arrays = (np.array(values, np.float64) for values in (sides, fields, strides))
    found = level_of(*arrays, PAPER, finest=finest)
    assert found.tolist() == [slow_level(side, fields, strides, finest) for side in sides]
