"""What the optimisers decay and what they leave alone."""

import pytest
import torch
from torch import nn

from edgedet.training.optimizer import build_optimizer, set_lr


def model() -> nn.Module:
    built = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))
    built[0].requires_grad_(False)
    return built


@pytest.mark.parametrize(("name", "kind"), [("sgd", "SGD"), ("adam", "Adam"), ("adamw", "AdamW")])
def test_kinds_and_groups(name: str, kind: str) -> None:
    optimizer = build_optimizer(model(), name, 0.1, 0.05, 0.8)
    assert type(optimizer).__name__ == kind
    decayed, plain = optimizer.param_groups
    assert [w.ndim for w in decayed["params"]] == [4]
    assert [w.ndim for w in plain["params"]] == [1, 1, 1]
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.05, 0.0)
    assert decayed.get("momentum", decayed.get("betas", [0])[0]) == 0.8


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_fused_is_the_same_step(name: str) -> None:
    weights = []
    for fused in (True, False):
        torch.manual_seed(0)
        net = model()
        optimizer = build_optimizer(net, name, 0.1, 0.05, 0.8, fused=fused)
        for _ in range(3):
            net(torch.ones(2, 3, 8, 8)).square().sum().backward()
            optimizer.step()
        weights.append(net[2].weight)
    torch.testing.assert_close(*weights)


def test_rate_is_that_of_all_groups() -> None:
    optimizer = build_optimizer(model(), "sgd", 0.1, 0.0, 0.0)
    set_lr(optimizer, 0.025)
    assert {group["lr"] for group in optimizer.param_groups} == {0.025}


def test_frozen_weights_stay() -> None:
    net = model()
    before = net[0].weight.clone()
    optimizer = build_optimizer(net, "adamw", 0.1, 0.5, 0.9)
    net(torch.rand(2, 3, 8, 8)).sum().backward()
    optimizer.step()
    assert torch.equal(net[0].weight, before)
