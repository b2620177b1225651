import copy
import math
import random

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision import models as tv
from torchvision.models import mobilenet_v2

from edgedet.models.receptive_field import Field, receptive_fields
from edgedet.published import published_table
from edgedet.runtime.errors import ModelError

ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.Hardsigmoid, nn.SiLU, nn.Sigmoid)


def linear_twin(network: nn.Module) -> nn.Module:
    """A copy whose outputs depend on all that they see: positive weights, no activations.

    Maximum becomes mean: the gradient of a maximum reaches one cell only.
    """
    twin = copy.deepcopy(network).double().eval()
    for module in list(twin.modules()):
        for name, child in module.named_children():
            if isinstance(child, ACTIVATIONS):
                setattr(module, name, nn.Identity())
            elif isinstance(child, nn.MaxPool2d):
                setattr(module, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding))
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return twin


def seen_rows(network: nn.Module, rows: int) -> list[int]:
    """Rows of a tall image from the first to the last that the middle cell of each map sees."""
    image = torch.ones(1, 3, rows, 64, dtype=torch.float64, requires_grad=True)
    maps = linear_twin(network)(image)
    extents = []
    for feature_map in maps if isinstance(maps, list) else [maps]:
        middle = feature_map[0, :, feature_map.shape[2] // 2].sum()
        (gradient,) = torch.autograd.grad(middle, image, retain_graph=True)
        seen = gradient.abs().sum(dim=(0, 1, 3)).nonzero()
        extents.append(int(seen.max() - seen.min()) + 1)
    return extents


class Residual(nn.Module):
    """Adds what it is given, strided by a 1x1 convolution when the body strides."""

    def __init__(self, body: nn.Module, stride: int) -> None:
        super().__init__()
        self.body = body
        self.side = nn.Conv2d(3, 3, 1, stride=stride)

    def forward(self, x):
        return torch.relu(self.body(x)) * 1 + self.side(x)


class Branches(nn.Module):
    """Two fields side by side, joined by channels."""

    def __init__(self, left: nn.Module, right: nn.Module) -> None:
        super().__init__()
        self.left, self.right = left, right
        self.join = nn.Conv2d(6, 3, 1)

    def forward(self, x):
        return self.join(torch.cat([self.left(x), self.right(x)], dim=1))


def random_convolution(rng: random.Random, stride: int) -> nn.Conv2d:
    kernel, dilation = rng.choice((1, 3, 5)), rng.choice((1, 1, 2))
    padding = dilation * (kernel - 1) // 2
    return nn.Conv2d(3, 3, kernel, stride=stride, padding=padding, dilation=dilation)


def random_layer(rng: random.Random) -> nn.Module:
    kind, stride = rng.choice(("conv", "conv", "pool", "residual", "branches")), rng.choice((1, 2))
    if kind == "conv":
        return nn.Sequential(random_convolution(rng, stride), nn.BatchNorm2d(3), nn.ReLU())
    if kind == "pool":
        pool = rng.choice((nn.MaxPool2d, nn.AvgPool2d))
        return rng.choice((pool(2), pool(3, stride, 1), pool(3, padding=1)))
    if kind == "residual":
        return Residual(random_convolution(rng, stride), stride)
    return Branches(random_convolution(rng, stride), random_convolution(rng, stride))


@pytest.mark.parametrize("seed", range(25))
def test_random_networks_see_what_the_gradient_says(seed):
    rng = random.Random(seed)
    network = nn.Sequential(*(random_layer(rng) for _ in range(rng.randint(1, 5))))
    (field,) = receptive_fields(network)
    rows = 2 * int(field.size + 2 * field.jump) + 8
    assert seen_rows(network, rows) == [field.size]
    cells = network(torch.ones(1, 3, rows, 64)).shape[2]
    assert abs(cells - rows / field.jump) <= 1


class StageMaps(nn.Module):
    """What each stage of a network returns."""

    def __init__(self, *stages: nn.Module) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)

    def forward(self, x):
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


def resnet_stages() -> StageMaps:
    net = tv.resnet18(weights=None)
    stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
    return StageMaps(stem, net.layer1, net.layer2, net.layer3)


def mobilenet_v3_stages(blocks: int) -> StageMaps:
    return StageMaps(*tv.mobilenet_v3_large(weights=None).features[:blocks])


@pytest.mark.parametrize(
    ("network", "sizes", "jumps"),
    [
        (resnet_stages(), [11, 43, 99, 211], [4, 4, 8, 16]),
        (mobilenet_v3_stages(4), [3, 7, 11, 19], [2, 2, 4, 4]),
        (StageMaps(*mobilenet_v2(weights=None).features[:9]), None, [2, 2, 4, 4, 8, 8, 8, 16, 16]),
    ],
    ids=("resnet18", "mobilenet_v3_large", "mobilenet_v2"),
)
def test_trunks_of_torchvision(network, sizes, jumps):
    fields = receptive_fields(network)
    found = [f.size for f in fields]
    assert seen_rows(network, 2 * int(max(found)) + 64) == found
    assert sizes in (None, found)
    assert [f.jump for f in fields] == jumps


def test_squeeze_and_excitation_sees_the_whole_image():
    network = mobilenet_v3_stages(5)
    assert [f.size for f in receptive_fields(network)] == [3, 7, 11, 19, math.inf]
    for rows in (128, 320):
        assert seen_rows(network, rows)[-1] == rows


def test_looking_past_the_gates_gives_what_slides():
    network = mobilenet_v3_stages(7)
    found = [f.size for f in receptive_fields(network, through_gates=True)]
    assert found == [3, 7, 11, 19, 35, 67, 99]
    assert [f.jump for f in receptive_fields(network, through_gates=True)] == [2, 2, 4, 4, 8, 8, 8]


class PooledOnly(nn.Module):
    """A product of numbers that are all pooled, and a sum with one: neither is a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.pool, self.conv = nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 3, 3)

    def forward(self, x):
        pooled = self.pool(x)
        return [pooled * pooled, self.conv(x) + pooled, self.conv(x) * 2]


def test_only_a_product_of_map_and_pooled_numbers_is_a_gate():
    found = [f.size for f in receptive_fields(PooledOnly(), through_gates=True)]
    assert found == [math.inf, math.inf, 3]


def test_dilation_spreads_the_kernel():
    conv = nn.Sequential(nn.Conv2d(3, 3, 3, stride=2), nn.Conv2d(3, 3, 3, dilation=4))
    assert receptive_fields(conv) == (Field(19, 2),)


def test_a_pool_without_stride_moves_by_its_kernel():
    assert receptive_fields(nn.Sequential(nn.MaxPool2d(3), nn.AvgPool2d(2))) == (Field(6, 6),)


class Functional(nn.Module):
    """Slides without a layer."""

    def __init__(self, function, *args) -> None:
        super().__init__()
        self.function, self.args = function, args

    def forward(self, x):
        return self.function(x, *self.args)


@pytest.mark.parametrize(
    ("network", "name"),
    [
        (nn.Sequential(nn.ConvTranspose2d(3, 3, 2, stride=2)), "ConvTranspose2d"),
        (nn.Sequential(nn.Conv2d(3, 3, 3), nn.Upsample(scale_factor=2)), "Upsample"),
        (nn.Sequential(nn.Unfold(3)), "Unfold"),
        (nn.Sequential(nn.LPPool2d(2, 3)), "LPPool2d"),
        (Functional(F.max_pool2d, 2), "max_pool2d"),
        (Functional(F.avg_pool2d, 2), "avg_pool2d"),
        (Functional(F.adaptive_avg_pool2d, 1), "adaptive_avg_pool2d"),
        (Functional(F.interpolate, None, 2), "interpolate"),
        (Functional(F.conv2d, torch.ones(3, 3, 3, 3)), "conv2d"),
    ],
)
def test_what_has_no_known_field_is_refused(network, name):
    """Rather than a number that is too small."""
    with pytest.raises(ModelError, match=f"Conv2d, .*{name}"):
        receptive_fields(network)


class NamedMaps(nn.Module):
    """Two maps by name."""

    def __init__(self) -> None:
        super().__init__()
        self.near, self.far = nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 7, stride=2)

    def forward(self, x):
        near = self.near(x)
        return {"near": near, "far": self.far(near)}


def test_maps_of_a_dict_come_in_its_order():
    assert receptive_fields(NamedMaps()) == (Field(3, 1), Field(9, 2))


def test_invariant_1_table_1_of_the_paper_row_by_row():
    """Every inverted residual of MobileNetV2, and the sides of the maps at 512 px.

    "output" is block 17 followed by the 1x1 convolution, `features[18]`.
    """
    features = mobilenet_v2(weights=None).features
    fields = receptive_fields(StageMaps(*features))
    with torch.device("meta"):
        twin = StageMaps(*mobilenet_v2(weights=None).features).eval()
        sides = [m.shape[-1] for m in twin(torch.empty(1, 3, 512, 512))]
    blocks = {f"block_{i}": i for i in range(1, 17)} | {"init_conv": 0, "output": 18}
    rows = published_table("ssd.T1").rows
    assert [row["layer"] for row in rows[:2]] == ["input", "init_conv"]
    assert len(rows) == 19
    assert (rows[0]["output_side"], rows[0]["receptive_field"]) == (512, 1)
    for row in rows[1:]:
        i = blocks[str(row["layer"])]
        assert (row["output_side"], row["receptive_field"]) == (sides[i], fields[i].size)
        assert fields[i].jump == 512 / sides[i]
