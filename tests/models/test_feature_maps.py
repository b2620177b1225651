import pytest
import torch
from torch.nn import functional as F

from edgedet.models.anchors import a_score
from edgedet.models.feature_maps import SsdFeatureMaps
from edgedet.models.receptive_field import receptive_fields
from edgedet.models.trunk import TAPS, Trunk, taps_of
from edgedet.runtime.errors import UsageError

SIDES = (25, 38, 58, 87)


def named_maps(name: str, levels: int = 4) -> SsdFeatureMaps:
    return SsdFeatureMaps(Trunk("mobilenet_v2", TAPS[name]), levels)


@pytest.mark.parametrize(
    ("name", "fields", "strides"),
    [
        ("paper", (43, 107, 139, 203), (8, 16, 32, 64)),
        ("code", (59, 171, 203, 267), (8, 16, 32, 64)),
        ("original", (267, 491, 555, 683), (16, 32, 64, 128)),
    ],
)
def test_fields_of_section_2(name, fields, strides):
    maps = named_maps(name)
    found = receptive_fields(maps)
    assert tuple(f.size for f in found) == fields
    assert tuple(f.jump for f in found) == tuple(maps.strides) == strides


@pytest.mark.parametrize(("name", "score"), [("paper", 2.316), ("code", 3.357)])
def test_scores_of_section_2_from_the_network(name, score):
    fields = [f.size for f in receptive_fields(named_maps(name))]
    assert a_score(fields, SIDES) == pytest.approx(score, abs=5e-4)


@pytest.mark.parametrize("name", TAPS)
@pytest.mark.parametrize("side", [128, 130])
def test_shapes_of_the_maps(name, side):
    maps = named_maps(name).eval()
    with torch.no_grad():
        found = maps(torch.zeros(1, 3, side, side))
    expected = [
        (1, channels, -(-side // stride), -(-side // stride))
        for channels, stride in zip(maps.channels, maps.strides, strict=True)
    ]
    assert [tuple(m.shape) for m in found] == expected


def test_shapes_of_section_2_at_512_px():
    with torch.device("meta"):
        found = named_maps("paper").eval()(torch.empty(1, 3, 512, 512))
    sizes = [(32, 64), (64, 32), (512, 16), (256, 8)]
    assert [tuple(m.shape) for m in found] == [(1, c, s, s) for c, s in sizes]


@pytest.mark.parametrize("levels", [2, 3, 5, 6])
def test_any_number_of_levels(levels):
    maps = named_maps("paper", levels).eval()
    with torch.no_grad():
        found = maps(torch.zeros(1, 3, 128, 128))
    channels = [32, 64, 512, 256, 256, 256][:levels]
    strides = [8, 16, 32, 64, 128, 256][:levels]
    assert (maps.channels, maps.strides) == (channels, strides)
    assert [tuple(m.shape) for m in found] == [
        (1, c, -(-128 // s), -(-128 // s)) for c, s in zip(channels, strides, strict=True)
    ]


def test_two_taps_of_one_stride():
    trunk = Trunk("resnet18", taps_of("resnet18", (3, 4, 5)))
    maps = SsdFeatureMaps(trunk, 4)
    assert maps.strides == [8, 8, 16, 32] == [f.jump for f in receptive_fields(maps)]
    assert [f.size for f in receptive_fields(maps)] == [67, 99, 147, 147 + 2 * 16]


def test_every_tap_needs_a_level():
    with pytest.raises(UsageError, match="at least 2 levels, one a tap, found anchors for 1"):
        named_maps("paper", 1)


def test_extras_are_two_convolutions_with_relu():
    torch.manual_seed(0)
    maps = named_maps("paper").eval()
    found = maps(torch.randn(1, 3, 64, 64))
    for level in (2, 3):
        reduce, widen = maps.extras[level - 2][0], maps.extras[level - 2][2]
        inside = F.relu(F.conv2d(found[level - 1], reduce.weight, reduce.bias))
        wide = F.relu(F.conv2d(inside, widen.weight, widen.bias, stride=2, padding=1))
        assert torch.allclose(found[level], wide, atol=1e-6)


def test_extras_start_from_xavier_without_bias():
    torch.manual_seed(0)
    for extra in named_maps("paper").extras:
        for layer in (extra[0], extra[2]):
            area = layer.kernel_size[0] ** 2
            bound = (6 / (area * (layer.in_channels + layer.out_channels))) ** 0.5
            assert 0.99 * bound < layer.weight.abs().max().item() <= bound
            assert layer.bias.abs().sum().item() == 0
