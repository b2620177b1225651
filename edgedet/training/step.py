"""One step of the optimiser: gradients of some batches, checked, clipped, applied, averaged."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from edgedet.data.loader import Batch
from edgedet.data.sample_seed import stable_hash
from edgedet.runtime.errors import ModelError
from edgedet.training.guard import check_finite, fail_with_others
from edgedet.training.optimizer import set_lr
from edgedet.training.parts import Parts, Place, Plan
from edgedet.training.schedule import lr_factor


def run_step(
    parts: Parts, plan: Plan, place: Place, batches: Iterator[Batch], *, stop: bool
) -> tuple[float, bool]:
    """Do one step over the next batches and move `place` behind it.

    Returns the mean loss, and whether any process was asked to `stop`.
    Raises ModelError, before any weight changes, when a loss or gradient is not finite.
    """
    size = min(plan.accumulate, parts.batches.per_epoch - place.batches_done)
    losses = [
        _add_gradients(parts, plan.seed, place, next(batches), (index, size))
        for index in range(size)
    ]
    set_lr(parts.raw_optimizer, plan.lr * lr_factor(plan.schedule, place.step))
    norm: Any = parts.fabric.clip_gradients(
        parts.model,
        parts.optimizer,
        max_norm=plan.clip_norm or math.inf,
        error_if_nonfinite=False,
    )
    mean, stop = _agree(parts, place, torch.stack([*losses, norm.float()]), stop)
    parts.optimizer.step()
    parts.optimizer.zero_grad(set_to_none=True)
    if parts.ema:
        parts.ema.update()
    place.step += 1
    place.batches_done += size
    return mean, stop


def _add_gradients(
    parts: Parts, seed: int, place: Place, batch: Batch, part: tuple[int, int]
) -> Tensor:
    """Add the gradients of one batch, which is number `part[0]` of the `part[1]` of a step."""
    index, size = part
    _seed_batch(seed, place.epoch, place.batches_done + index, parts.fabric.global_rank)
    images, targets = parts.fabric.to_device(batch)
    images = images.to(memory_format=torch.channels_last)
    with parts.fabric.no_backward_sync(parts.model, enabled=index + 1 < size):
        with parts.fabric.autocast():
            terms = parts.model.loss(images, targets)
        loss = torch.stack([term.float() for term in terms.values()]).sum()
        parts.fabric.backward(loss / size)
    place.tally.add(terms, parts.module.counts, len(images))  # type: ignore[arg-type]
    return loss.detach()


def _seed_batch(*place: int) -> None:
    """Make the random numbers of a forward pass a function of its place in the training.

    So a resumed run draws what an unbroken one draws, and no generator's state is saved. The
    generators are set directly: `torch.manual_seed` also looks for devices that are not there
    (0.15 ms a call; this takes 0.01 ms).
    """
    seed = stable_hash(*place)
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.manual_seed(seed)


def _agree(parts: Parts, place: Place, numbers: Tensor, stop: bool) -> tuple[float, bool]:
    """Check the losses and the norm, and let all processes fail or stop at the same step.

    Reading the numbers is the one point of a step that waits for the device.
    """
    *losses, norm = numbers.tolist()
    scaled = parts.fabric.strategy.precision.precision == "16-mixed"
    # Half precision: the scaler expects infinite gradients now and then, and skips those steps.
    failure = _failure(parts, place, losses, 0.0 if scaled else norm)
    if parts.fabric.world_size > 1:
        mine = torch.tensor([float(failure is not None), float(stop)], device=numbers.device)
        everyone: Any = parts.fabric.all_reduce(mine, reduce_op="sum")
        failed, stopped = everyone.tolist()
        stop = stopped > 0
        if failed and failure is None:
            fail_with_others()
    if failure is not None:
        raise failure
    return sum(losses) / len(losses), stop


def _failure(parts: Parts, place: Place, losses: list[float], norm: float) -> ModelError | None:
    try:
        check_finite(parts, place, losses, norm)
    except ModelError as error:
        return error
    return None
