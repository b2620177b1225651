"""Rounding in PyTorch, against slow references and against the writer of the Q/DQ form."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from training_toys import CLASSES, Toy, ToyBatches, ToyOptions

from edgedet.calibration.weights import rounded_weights
from edgedet.qat.fake_quantisation import (
    attach_fake_quantisation,
    fake_quantised,
    round_weights,
)
from edgedet.qat.folding import folded_weight, rounded_weight
from edgedet.qat.plan import Int8Plan, plan_of
from edgedet.runtime.errors import ModelError

PLAN = Int8Plan(norms={"stem": "norm"}, inputs={"stem": 2.5}, outputs={"norm": 6.0})


def slow_rounding(values: NDArray[np.float32], amax: float) -> NDArray[np.float32]:
    """QuantizeLinear and DequantizeLinear as the ONNX standard writes them, number by number."""
    scale = np.float32(amax / 127)
    rounded = []
    for value in values.ravel():
        code = max(-128, min(127, round(float(np.float32(value / scale)))))
        rounded.append(np.float32(code) * scale)
    return np.array(rounded, np.float32).reshape(values.shape)


def normalisation(channels: int) -> nn.BatchNorm2d:
    torch.manual_seed(1)
    norm = nn.BatchNorm2d(channels)
    nn.init.uniform_(norm.running_var, 0.1, 3)
    nn.init.normal_(norm.running_mean)
    nn.init.uniform_(norm.weight, -2, 2)
    return norm.eval()


def test_activations_are_as_the_standard_says() -> None:
    values = np.random.RandomState(0).normal(0, 2, 4000).astype(np.float32)
    ours = fake_quantised(torch.from_numpy(values), 2.5).numpy()
    np.testing.assert_allclose(ours, slow_rounding(values, 2.5), rtol=1e-6)


def test_gradients_pass_straight_but_for_what_is_cut_off() -> None:
    values = torch.tensor([-3.0, -2.5, -0.011, 0.0, 0.7, 2.5, 3.0], requires_grad=True)
    fake_quantised(values, 2.5).backward(torch.arange(1.0, 8.0))
    assert values.grad is not None
    assert values.grad.tolist() == [0.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0]


def test_rounding_twice_is_rounding_once() -> None:
    once = fake_quantised(torch.randn(10000), 2.0)
    assert torch.equal(fake_quantised(once, 2.0), once)


def test_half_precision_is_rounded_in_full() -> None:
    values = torch.randn(100)
    assert torch.equal(
        fake_quantised(values.bfloat16(), 2.0), fake_quantised(values.bfloat16().float(), 2.0)
    )


@pytest.mark.parametrize("depthwise", [False, True])
def test_weights_are_rounded_as_they_are_exported(depthwise: bool) -> None:
    """Folded, rounded by the writer of the Q/DQ form, and multiplied by the normalisation again."""
    weight = torch.randn(6, 1 if depthwise else 5, 3, 3)
    norm = normalisation(6)
    exported = rounded_weights(folded_weight(weight, norm).detach().numpy(), 0)
    assert norm.running_var is not None
    factor = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach().numpy()
    ours = rounded_weight(weight, norm).detach().numpy() * factor[:, None, None, None]
    np.testing.assert_allclose(ours, exported, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(
        rounded_weight(weight, None).numpy(), rounded_weights(weight.numpy(), 0), rtol=1e-6
    )


def test_gradients_of_weights_pass_straight() -> None:
    weight = torch.randn(4, 3, 3, 3, requires_grad=True)
    slope = torch.randn_like(weight)
    for norm in (None, normalisation(4)):
        weight.grad = None
        rounded_weight(weight, norm).backward(slope)
        assert weight.grad is not None
        torch.testing.assert_close(weight.grad, slope)


def test_channels_without_weights_or_scale() -> None:
    weight, norm = torch.randn(3, 2, 1, 1), normalisation(3)
    weight[1] = 0
    with torch.no_grad():
        norm.weight[2] = 0
    found = rounded_weight(weight, norm)
    assert torch.equal(found[1], weight[1])
    np.testing.assert_allclose(
        found[2].detach().numpy(), rounded_weights(weight.numpy(), 0)[2], atol=0.02
    )
    assert torch.isfinite(found).all()


def attached() -> tuple[Toy, Toy]:
    """A toy as it is, and one that computes as its INT8 form."""
    torch.manual_seed(0)
    toy = Toy(CLASSES, ToyOptions(dropout=0.0))
    toy.norm = normalisation(8)
    fake = copy.deepcopy(toy)
    attach_fake_quantisation(fake, PLAN)
    return toy, fake


def by_hand(toy: Toy, images: Tensor) -> Tensor:
    """The network in numpy, but for the convolution."""
    values = torch.from_numpy(slow_rounding(images.numpy(), PLAN.inputs["stem"]))
    assert toy.norm.running_var is not None
    factor = toy.norm.weight / (toy.norm.running_var + toy.norm.eps).sqrt()
    weight = rounded_weights((toy.stem.weight * factor[:, None, None, None]).detach().numpy(), 0)
    assert toy.stem.bias is not None
    assert toy.norm.running_mean is not None
    bias = (toy.stem.bias - toy.norm.running_mean) * factor + toy.norm.bias
    made = nn.functional.conv2d(values, torch.from_numpy(weight), bias, stride=4)
    maps = slow_rounding(made.detach().numpy(), PLAN.outputs["norm"])
    return toy.head(torch.from_numpy(maps).relu().mean((2, 3)))


def test_the_network_computes_as_by_hand() -> None:
    toy, fake = attached()
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        found, wanted = fake.eval()(images), by_hand(toy, images)
        assert not torch.allclose(toy.eval()(images), wanted, atol=1e-4)
    torch.testing.assert_close(found, wanted, atol=2e-5, rtol=1e-4)


def test_the_state_is_that_of_the_detector() -> None:
    toy, fake = attached()
    assert list(fake.state_dict()) == list(toy.state_dict())
    toy.load_state_dict(fake.state_dict())


def test_a_copy_rounds_by_its_own_normalisation() -> None:
    _, fake = attached()
    images = torch.randn(2, 3, 32, 32)
    other: Any = copy.deepcopy(fake)
    assert torch.equal(other(images), fake(images))
    assert other.stem.norm_behind[0] is other.norm
    with torch.no_grad():
        fake.norm.weight.mul_(3)
    assert not torch.equal(other(images), fake(images))


def test_training_leaves_the_statistics_alone() -> None:
    _, fake = attached()
    before = {k: v.clone() for k, v in fake.norm.state_dict().items()}
    optimizer = torch.optim.SGD(fake.parameters(), lr=0.1)
    fake.train()
    images, targets = next(ToyBatches().from_position(0, 0))
    sum(fake.loss(images, targets).values()).backward()
    optimizer.step()
    after = fake.norm.state_dict()
    assert fake.training
    assert not fake.norm.training
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        assert torch.equal(before[name], after[name])
    assert not torch.equal(before["weight"], after["weight"])
    assert fake.stem.weight.grad is not None
    assert fake.stem.weight.grad.abs().sum() > 0


def test_rounded_weights_need_no_rounding() -> None:
    """The checkpoint as others open it: plain layers that hold what int8 keeps."""
    toy, _ = attached()
    rounded = copy.deepcopy(toy)
    round_weights(rounded, PLAN)
    assert not torch.equal(rounded.stem.weight, toy.stem.weight)
    again = rounded_weight(rounded.stem.weight, rounded.norm)
    torch.testing.assert_close(again, rounded.stem.weight, rtol=1e-6, atol=1e-7)
    assert torch.equal(rounded.head.weight, toy.head.weight)


def test_plans_come_back_from_a_checkpoint(tmp_path: Any) -> None:
    assert plan_of({"int8": PLAN.to_plain()}, tmp_path) == PLAN
    assert plan_of({}, tmp_path) is None
    for wrong in ({"norms": {}}, [1], {"norms": {}, "inputs": {"stem": -1.0}, "outputs": {}}):
        with pytest.raises(ModelError, match="ranges of INT8"):
            plan_of({"int8": wrong}, tmp_path)
