"""INT8 as training sees it: FP32 numbers, rounded where the exported form rounds them.

The parameters stay those of the detector as it was built: no key of its state changes, the
checkpoint opens everywhere. Batch normalisation keeps the statistics that it has: in the exported
form it is part of the weights, whose scales would jump with every batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from edgedet.calibration.affine import INT8_MAX, symmetric

from .folding import rounded_weight
from .plan import Int8Plan


def attach_fake_quantisation(model: nn.Module, plan: Int8Plan) -> None:
    """Let `model` compute as its INT8 form does, in place; `deepcopy` keeps that.

    The convolutions change their class instead of being replaced, so that whoever holds one, as a
    frozen trunk does, holds it still.
    """
    modules = dict(model.named_modules())
    for name, norm in plan.norms.items():
        layer: Any = modules[name]
        layer.__class__ = FakeQuantisedConv2d
        layer.norm_behind = (modules[norm],) if norm else ()
        if norm:
            modules[norm].__class__ = SteadyBatchNorm2d
    for name, amax in plan.inputs.items():
        modules[name].register_forward_pre_hook(QuantisedInput(amax))
    for name, amax in plan.outputs.items():
        modules[name].register_forward_hook(QuantisedOutput(amax))
    model.train(model.training)


def round_weights(model: nn.Module, plan: Int8Plan) -> None:
    """Replace the weights of `model` by what int8 keeps of them, in place.

    Rounding them again changes nothing: what is exported has the codes that were trained.
    """
    modules = dict(model.named_modules())
    with torch.no_grad():
        for name, norm in plan.norms.items():
            weight = modules[name].weight
            assert isinstance(weight, Tensor)
            weight.copy_(rounded_weight(weight, _norm(modules, norm)))


def fake_quantised(values: Tensor, amax: float) -> Tensor:
    """Return `values` as int8 over [-amax, amax] holds them; gradients pass straight through, but
    for what is cut off. In FP32 also under autocast, whose 8 bits would round once more.
    """
    scale = float(symmetric(amax).scale)
    rounded: Tensor = torch.fake_quantize_per_tensor_affine(
        values.float(), scale, 0, -INT8_MAX - 1, INT8_MAX
    )
    return rounded


class FakeQuantisedConv2d(nn.Conv2d):
    """A convolution whose weights act as int8 would hold them."""

    norm_behind: tuple[nn.BatchNorm2d, ...]
    """The batch normalisation that export folds into it, if any. A tuple hides it from
    registration: it already belongs to another module."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Return the convolution by the rounded weights."""
        norm = self.norm_behind[0] if self.norm_behind else None
        made: Tensor = self._conv_forward(input, rounded_weight(self.weight, norm), self.bias)
        return made


class SteadyBatchNorm2d(nn.BatchNorm2d):
    """Normalises by its running statistics, also in training, and leaves them as they are."""

    def train(self, mode: bool = True) -> SteadyBatchNorm2d:
        """Stay in evaluation mode."""
        super().train(mode=False)
        return self


class QuantisedInput:
    """A forward pre-hook: the module reads int8."""

    def __init__(self, amax: float) -> None:
        self._amax = amax

    def __call__(self, _: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments, the first of them rounded."""
        return (fake_quantised(args[0], self._amax), *args[1:])


class QuantisedOutput:
    """A forward hook: what reads the module's result reads int8."""

    def __init__(self, amax: float) -> None:
        self._amax = amax

    def __call__(self, _: nn.Module, __: tuple[Any, ...], result: Tensor) -> Tensor:
        """Return the result, rounded."""
        return fake_quantised(result, self._amax)


def _norm(modules: Mapping[str, nn.Module], name: str) -> nn.BatchNorm2d | None:
    norm = modules[name] if name else None
    assert norm is None or isinstance(norm, nn.BatchNorm2d)
    return norm
