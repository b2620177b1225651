"""Which learned layers a detector calls, in which order, and from where."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from edgedet.models.protocol import DetectionModel

LEARNED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


class Frame(NamedTuple):
    """A module that is being called."""

    module: str
    arguments: int


class Call(NamedTuple):
    """One call of a learned layer. Modules by their path in the model."""

    module: str
    stack: tuple[Frame, ...]
    """What was being called then, outermost first; the last is the layer itself."""
    norm: str
    """The batch normalisation that read the result; "": none."""


def learned_calls(model: nn.Module) -> list[Call]:
    """Return the calls of one prediction, in the order in which their results are made.

    The model is run on an image of zeros, in the mode that it is in.
    """
    recorder = _Recorder(model)
    height, width = cast("DetectionModel", model).spec.size_hw
    device = next(model.parameters()).device
    with recorder, torch.inference_mode():
        cast("DetectionModel", model).predict(torch.zeros(1, 3, height, width, device=device))
    return recorder.calls


class _Recorder(ExitStack):
    """Watches the calls of a model while it is entered."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self._made: list[Tensor] = []  # kept: the number of an object is free again when it dies
        self._stack: list[Frame] = []
        for name, module in model.named_modules():
            for handle in (
                module.register_forward_pre_hook(self._enter(name)),
                module.register_forward_hook(self._leave(name)),
            ):
                self.callback(handle.remove)

    def _enter(self, name: str) -> Callable[..., None]:
        def enter(_: nn.Module, args: Any) -> None:
            self._stack.append(Frame(name, len(args)))

        return enter

    def _leave(self, name: str) -> Callable[..., None]:
        def leave(module: nn.Module, args: Any, result: Any) -> None:
            if isinstance(module, LEARNED):
                self.calls.append(Call(name, tuple(self._stack), ""))
                self._made.append(result)
            elif isinstance(module, nn.BatchNorm2d):
                self._note_norm(name, args[0])
            self._stack.pop()

        return leave

    def _note_norm(self, name: str, read: Tensor) -> None:
        for index, made in enumerate(self._made):
            if made is read:
                self.calls[index] = self.calls[index]._replace(norm=name)
