import pytest
import torch
from torch import nn

from edgedet.models.tap_points import tap_points
from edgedet.models.trunk import TAPS
from edgedet.models.trunk_networks import TRUNKS
from edgedet.published import published_table
from edgedet.runtime.errors import UsageError

from .test_receptive_field import seen_rows


class Ungated(nn.Module):
    """What a gate is without its pooling: a constant factor."""

    def forward(self, x):
        return 0.5 * x


def without_gates(module: nn.Module) -> nn.Module:
    for name, child in module.named_children():
        if type(child).__name__ == "SqueezeExcitation":
            setattr(module, name, Ungated())
        else:
            without_gates(child)
    return module


class UpTo(nn.Module):
    """The map of one block."""

    def __init__(self, blocks: nn.Sequential, block: int) -> None:
        super().__init__()
        self.blocks = blocks[: block + 1]

    def forward(self, x):
        return [self.blocks(x)]


@pytest.mark.parametrize("trunk", TRUNKS)
def test_blocks_are_numbered_and_shaped_as_the_network_says(trunk):
    side, image = 128, torch.zeros(1, 3, 128, 128)
    blocks = TRUNKS[trunk].blocks().eval()
    points = tap_points(trunk)
    assert [p.block for p in points] == list(range(1, len(blocks)))
    with torch.no_grad():
        image = blocks[0](image)
        for point, block in zip(points, blocks[1:], strict=True):
            image = block(image)
            assert image.shape == (1, point.channels, side // point.stride, side // point.stride)


@pytest.mark.parametrize(
    ("trunk", "blocks"),
    [("mobilenet_v2", (5, 8)), ("mobilenet_v3_large", (4, 6, 8)), ("resnet18", (3, 4, 5))],
)
def test_fields_are_what_the_gradient_says_without_the_gates(trunk, blocks):
    fields = {p.block: p.field_px for p in tap_points(trunk)}
    network = without_gates(TRUNKS[trunk].blocks())
    for block in blocks:
        rows = 2 * int(fields[block]) + 64
        assert seen_rows(UpTo(network, block), rows) == [fields[block]]


def test_invariant_1_table_1_of_the_paper():
    """Rows input, init_conv (the stem), block_1 .. block_16, output (17 and its 1x1)."""
    printed = [row["receptive_field"] for row in published_table("ssd.T1").rows]
    fields = [p.field_px for p in tap_points("mobilenet_v2")]
    assert printed[2:] == [*fields[:16], fields[17]]


@pytest.mark.parametrize("name", [name for name in TAPS if name != "original"])
def test_named_taps_are_tap_points(name):
    """The original ones lie inside a block, but for the last."""
    for tap in TAPS[name]:
        point = tap_points("mobilenet_v2")[tap.block - 1]
        assert (tap.block, tap.channels, tap.stride) == point[:3]


def test_the_last_original_tap_is_the_last_tap_point():
    assert TAPS["original"][1][2:] == tap_points("mobilenet_v2")[17][1:3]


def test_the_table_is_computed_once():
    assert tap_points("resnet18") is tap_points("resnet18")


def test_an_unknown_trunk_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'resnet18'"):
        tap_points("resnet_18")
