"""The running mean of the weights, which is what gets evaluated and exported."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[Tensor, ...] | list[Tensor]


def warmed_up(decay: float, update: int) -> float:
    """Return the decay of an update, counted from 1: short at first, so that the random
    start is forgotten within some tens of steps.
    """
    return min(decay, (1 + update) / (10 + update))


class Ema:
    """m <- d m + (1 - d) w over weights and buffers; the first update copies."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self._averaged = AveragedModel(model, multi_avg_fn=self._average, use_buffers=True)
        self.module.eval().requires_grad_(requires_grad=False)

    @property
    def module(self) -> nn.Module:
        """The averaged model, in evaluation mode."""
        module = self._averaged.module
        assert isinstance(module, nn.Module)
        return module

    def update(self, model: nn.Module) -> None:
        """Take in the weights of `model`, after a step of the optimiser."""
        self._averaged.update_parameters(model)

    def state_dict(self) -> dict[str, Any]:
        """Return `weights` (keys as in the model) and `updates`."""
        updates = int(self._averaged.n_averaged)
        return {"weights": dict(self.module.state_dict()), "updates": updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.module.load_state_dict(state["weights"])
        self._averaged.n_averaged.fill_(state["updates"])

    def _average(self, means: Tensors, weights: Tensors, _: Tensor | int) -> None:
        # The count is read where it lies: the argument is a copy on the model's device, and
        # reading that one would make the step wait for the GPU.
        decay = warmed_up(self._decay, int(self._averaged.n_averaged))
        with torch.no_grad():
            if means[0].is_floating_point():
                torch._foreach_lerp_(means, weights, 1 - decay)
            else:
                torch._foreach_copy_(means, weights)
