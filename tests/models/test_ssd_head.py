import math

import pytest
import torch
from torch.nn import functional as F

from edgedet.models.registry import build_model
from edgedet.models.ssd_head import SsdHead


@pytest.mark.parametrize("anchors", [1, 3])
def test_one_convolution_equals_two(anchors):
    """Section 2: a class and a box convolution, each to NHWC and then to (H*W*k, values)."""
    torch.manual_seed(0)
    head = SsdHead(8, anchors, logits=4)
    torch.nn.init.normal_(head.conv.bias)
    maps = torch.randn(2, 8, 5, 6)
    rows = torch.arange(anchors * 8).reshape(anchors, 8)
    separate = []
    for part in (rows[:, :4].flatten(), rows[:, 4:].flatten()):
        raw = F.conv2d(maps, head.conv.weight[part], head.conv.bias[part], padding=1)
        separate.append(raw.permute(0, 2, 3, 1).reshape(2, 5 * 6 * anchors, 4))
    found = head(maps)
    assert found.shape == (2, 8, 5 * 6 * anchors)
    assert torch.allclose(found[:, :4].transpose(1, 2), separate[0], atol=1e-5)
    assert torch.allclose(found[:, 4:].transpose(1, 2), separate[1], atol=1e-5)


def test_columns_are_row_major_cells_with_the_anchor_fastest():
    """A bias tells the anchor, and a map that holds its own place tells the cell."""
    head = SsdHead(1, anchors=2, logits=2)
    with torch.no_grad():
        head.conv.weight.zero_()
        head.conv.weight[:, 0, 1, 1] = 1
        head.conv.bias.copy_(torch.arange(12) * 100)
    places = torch.arange(6.0).reshape(1, 1, 2, 3)
    expected = [
        [anchor * 600 + value * 100 + cell for cell in range(6) for anchor in range(2)]
        for value in range(6)
    ]
    assert head(places)[0].tolist() == expected


@pytest.mark.parametrize(("anchors", "logits"), [(1, 4), (3, 4), (6, 21)])
def test_xavier_on_request_has_the_spread_of_two_convolutions(anchors, logits):
    """Uniform in +-sqrt(6 / (fan_in + fan_out)); fan_out counts k x values of one task."""
    torch.manual_seed(0)
    channels = 128
    head = SsdHead(channels, anchors, logits)
    assert head.conv.weight.std().item() == pytest.approx(0.01, rel=0.04)
    head.start_from_xavier()
    weight = head.conv.weight.detach().reshape(anchors, logits + 4, channels, 3, 3)
    for part, values in ((weight[:, :logits], logits), (weight[:, logits:], 4)):
        bound = math.sqrt(6 / (9 * channels + 9 * anchors * values))
        assert part.abs().max().item() <= bound
        assert part.abs().max().item() > 0.99 * bound
        assert part.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.04)
    assert head.conv.bias.abs().sum().item() == 0


def test_the_option_reaches_every_head():
    deviations = {}
    for start in ("small", "xavier"):
        torch.manual_seed(0)
        model = build_model("scale_aware_ssd", ("a",), {"imgsz": 64, "head_start": start})
        deviations[start] = [head.conv.weight.std().item() for head in model.heads]
    assert deviations["small"] == pytest.approx([0.01] * 4, rel=0.1)
    assert min(deviations["xavier"]) > 0.02
