import copy

import pytest
import torch
from torch import nn
from torchvision.models import mobilenet_v2

from edgedet.models.trunk import TAPS, Trunk, taps_of
from edgedet.models.trunk_networks import TRUNKS
from edgedet.runtime.errors import UsageError

V2 = "mobilenet_v2"
PAPER = TAPS["paper"]


def slow_maps(features: nn.Sequential, name: str, images: torch.Tensor) -> list[torch.Tensor]:
    """The tapped maps, by running torchvision's own blocks."""
    if name == "original":
        before = features[:14](images)
        return [features[14].conv[0](before), features[14:19](before)]
    first, second = {"paper": (5, 8), "code": (6, 10)}[name]
    return [features[: first + 1](images), features[: second + 1](images)]


@pytest.mark.parametrize("name", TAPS)
def test_maps_are_those_of_the_named_blocks(name):
    torch.manual_seed(0)
    features = mobilenet_v2(weights=None).features.eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = slow_maps(features, name, images)
        maps = Trunk(V2, taps_of(V2, name), blocks=features).eval()(images)
    for found, wanted, tap in zip(maps, expected, taps_of(V2, name), strict=True):
        assert torch.equal(found, wanted)
        assert found.shape == (2, tap.channels, 64 // tap.stride, 64 // tap.stride)


NUMBERED = (
    ("mobilenet_v2", (3, 5, 6, 18)),
    ("mobilenet_v3_large", (4, 8, 16)),
    ("resnet18", (1, 3, 4, 8)),
)


@pytest.mark.parametrize(("name", "numbers"), NUMBERED)
def test_maps_are_those_of_the_numbered_blocks(name, numbers):
    """Run by torchvision's own network, with a hook on each block."""
    torch.manual_seed(0)
    network = TRUNKS[name].network(weights=None).eval()
    blocks, images, seen = TRUNKS[name].cut(network), torch.randn(2, 3, 64, 64), {}
    for i in numbers:
        blocks[i].register_forward_hook(lambda m, x, y, i=i: seen.__setitem__(i, y.clone()))
    with torch.no_grad():
        network(images)
        expected = [seen[i] for i in numbers]
        maps = Trunk(name, taps_of(name, numbers), blocks=blocks).eval()(images)
    for found, wanted, tap in zip(maps, expected, taps_of(name, numbers), strict=True):
        assert torch.equal(found, wanted)
        assert found.shape == (2, tap.channels, 64 // tap.stride, 64 // tap.stride)


def test_numbers_and_names_give_the_same_trunk():
    assert taps_of(V2, (5, 8)) == PAPER
    torch.manual_seed(0)
    named = Trunk(V2, PAPER).state_dict()
    torch.manual_seed(0)
    numbered = Trunk(V2, taps_of(V2, (5, 8))).state_dict()
    assert list(named) == list(numbered)
    assert all(torch.equal(named[key], numbered[key]) for key in named)


@pytest.mark.parametrize("taps", [(), (0, 3), (3, 3), (4, 3), (3, 9), "paper"])
def test_taps_that_do_not_fit_the_trunk(taps):
    with pytest.raises(UsageError, match=r"taps of resnet18 as rising block numbers out of 1\.\.8"):
        taps_of("resnet18", taps)


@pytest.mark.parametrize("side", [96, 100, 33])
def test_sides_are_rounded_up(side):
    maps = Trunk(V2, PAPER).eval()(torch.zeros(1, 3, side, side))
    assert [m.shape[-1] for m in maps] == [-(-side // 8), -(-side // 16)]


def test_nothing_behind_the_last_tap_is_kept():
    kept = sum(p.numel() for p in Trunk(V2, PAPER).parameters())
    features = mobilenet_v2(weights=None).features
    assert kept == sum(p.numel() for p in features[:9].parameters())


def test_unknown_taps_name_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'paper'"):
        taps_of(V2, "papers")


@pytest.mark.parametrize(("name", "last"), [("paper", 5), ("code", 6), ("original", 13)])
def test_frozen_blocks_end_before_the_first_head(name, last):
    Trunk(V2, taps_of(V2, name), last)
    for blocks in (last + 1, -1):
        with pytest.raises(UsageError, match=f"between 0 and {last}.*found {blocks}"):
            Trunk(V2, taps_of(V2, name), blocks)


def in_frozen_part(key: str, blocks: int) -> bool:
    """Stage 0 holds the stem (0) and blocks 1, 2, ... under their own numbers."""
    _, stage, block = key.split(".")[:3]
    return stage == "0" and int(block) <= blocks


def train_one_step(trunk: nn.Module) -> None:
    trainable = [p for p in trunk.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(trainable, lr=0.1, weight_decay=0.1)
    sum(m.square().mean() for m in trunk(torch.randn(2, 3, 64, 64))).backward()
    optimiser.step()


@pytest.mark.parametrize("copied", [False, True], ids=("itself", "deepcopy"))
@pytest.mark.parametrize(
    ("name", "numbers", "blocks"),
    [
        *((V2, (5, 8), blocks) for blocks in (0, 1, 3, 5)),
        *(("mobilenet_v3_large", (4, 8), blocks) for blocks in (2, 4)),
        *(("resnet18", (3, 4), blocks) for blocks in (1, 3)),
    ],
)
def test_frozen_blocks_keep_weights_and_statistics(name, numbers, blocks, copied):
    torch.manual_seed(0)
    trunk = Trunk(name, taps_of(name, numbers), blocks)
    if copied:
        trunk = copy.deepcopy(trunk)
    trunk.eval()
    trunk.train()
    before = {key: value.clone() for key, value in trunk.state_dict().items()}
    train_one_step(trunk)
    for key, value in trunk.state_dict().items():
        frozen = blocks > 0 and in_frozen_part(key, blocks)
        assert torch.equal(before[key], value) == frozen, key
    for name, parameter in trunk.named_parameters():
        assert parameter.requires_grad != (blocks > 0 and in_frozen_part(name, blocks))


def test_a_copy_of_a_frozen_trunk_shares_nothing():
    trunk = Trunk(V2, PAPER, 2)
    twin = copy.deepcopy(trunk)
    own = {id(module) for module in twin.modules()}
    assert all(id(block) in own for block in twin._frozen)
    assert not own & {id(module) for module in trunk.modules()}


def test_frozen_blocks_stay_frozen_inside_another_module():
    trunk = Trunk(V2, PAPER, 3)
    outer = nn.Sequential(trunk)
    outer.train()
    assert trunk.training
    for block in trunk.stages[0][:4]:
        assert not any(module.training for module in block.modules())
    assert all(module.training for module in trunk.stages[0][4].modules())
    outer.eval()
    assert not any(module.training for module in outer.modules())


def test_freezing_adds_no_weight_to_the_state():
    plain, frozen = Trunk(V2, PAPER), Trunk(V2, PAPER, 5)
    assert list(plain.state_dict()) == list(frozen.state_dict())
