"""The training loop: epochs of steps, an evaluation after each, and the files that they leave."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from torch import nn

from edgedet.progress import Progress, progress
from edgedet.training.interruption import Interrupted, StopRequest
from edgedet.training.outputs import BEST, Outputs
from edgedet.training.parts import Parts, Place, Plan
from edgedet.training.schedule import lr_factor
from edgedet.training.snapshot import snapshot
from edgedet.training.step import run_step
from edgedet.training.tally import Tally

log = logging.getLogger(__name__)


class Quality(NamedTuple):
    """What an evaluation is judged by; each in [0, 1], or nan without objects."""

    ap: float
    """COCO's average precision over IoU 0.50 to 0.95."""
    ap50: float
    """At IoU 0.50."""
    best_cut: float = math.nan
    """Score from which on detections give the highest F1 at IoU 0.50; nan without hits."""


Validate = Callable[[nn.Module], Quality]
"""Evaluates a detector on the validation images; called in the first process alone."""


def train(
    parts: Parts,
    plan: Plan,
    place: Place,
    validate: Validate,
    outputs: Outputs | None,
    stop: StopRequest,
) -> None:
    """Train from `place` to the last epoch, or until nothing gets better.

    `outputs` is None in every process but the first. Raises Interrupted when asked to stop,
    after saving a checkpoint from which the run goes on exactly; ModelError when the loss is
    not finite, with the last checkpoint as it was.
    """
    left = (plan.epochs - place.epoch) * parts.batches.per_epoch - place.batches_done
    with _shown(parts, left) as bar:
        while place.epoch < plan.epochs and not place.best.is_stale(plan.patience):
            if _train_epoch(parts, plan, place, stop, bar):
                _leave(parts, place, outputs)
            quality = _evaluate(parts, plan, place, validate, outputs)
            _close_epoch(parts, plan, place, quality, outputs)


def _train_epoch(parts: Parts, plan: Plan, place: Place, stop: StopRequest, bar: Progress) -> bool:
    """Do the rest of an epoch; return whether some process was asked to stop."""
    parts.module.train()
    batches = parts.batches.from_position(place.epoch, place.batches_done)
    started = time.perf_counter()
    while place.batches_done < parts.batches.per_epoch:
        before = place.batches_done
        loss, stopping = run_step(parts, plan, place, batches, stop=stop.requested)
        bar.note(f"epoch {place.epoch + 1}/{plan.epochs}, loss {loss:.3f}{_best_so_far(place)}")
        bar.advance(place.batches_done - before)
        place.tally.seconds += time.perf_counter() - started
        started = time.perf_counter()
        if stopping:
            return True
    return False


def _best_so_far(place: Place) -> str:
    return f", best {place.best.value:.3f}" if math.isfinite(place.best.value) else ""


def _leave(parts: Parts, place: Place, outputs: Outputs | None) -> None:
    place.tally.merge(parts.fabric)
    if outputs is not None:
        path = outputs.save(snapshot(parts, place))
        log.info("stopped at step %d; go on with --resume %s", place.step, path)
    parts.fabric.barrier()
    raise Interrupted


def _evaluate(
    parts: Parts, plan: Plan, place: Place, validate: Validate, outputs: Outputs | None
) -> Quality | None:
    """Evaluate in the first process and tell the others; None when it is not yet time."""
    place.tally.merge(parts.fabric)
    epoch = place.epoch + 1
    if epoch % plan.eval_every and epoch < plan.epochs:
        return None
    quality = None
    if outputs is not None:
        # An evaluation can take long or be killed: the epoch before it is not lost.
        outputs.save(snapshot(parts, place))
        quality = validate(parts.best_module())
    told: Quality | None = parts.fabric.broadcast(quality)
    return told


def _close_epoch(
    parts: Parts, plan: Plan, place: Place, quality: Quality | None, outputs: Outputs | None
) -> None:
    """Move to the next epoch and write what is known of this one, checkpoints last."""
    rate = plan.lr * lr_factor(plan.schedule, place.step - 1)
    means = place.tally.means() if outputs is not None else {}
    place.epoch, place.batches_done, place.tally = place.epoch + 1, 0, Tally()
    better = quality is not None and place.best.update(getattr(quality, plan.select), place.epoch)
    if better and quality is not None:
        _keep_cut(parts.module, quality.best_cut)
    if outputs is None:
        return
    scores = quality._asdict() if quality else dict.fromkeys(Quality._fields)
    row = {"epoch": place.epoch, "step": place.step, "lr": rate, **means, **scores}
    outputs.log(row)
    state = snapshot(parts, place)
    if better:
        outputs.save(state, BEST)
    outputs.save(state)
    outputs.write_metrics(place, row)


def _keep_cut(module: Any, cut: float) -> None:
    """Let the detector report from the score on that served it best."""
    if math.isfinite(cut):
        # Downwards, so that the detection that set it is reported too.
        module.spec = module.spec._replace(score_threshold=math.floor(cut * 100) / 100)


def _shown(parts: Parts, batches: int) -> AbstractContextManager[Progress]:
    if parts.fabric.is_global_zero:
        return progress(batches, "training")
    return _Unseen()


class _Unseen(AbstractContextManager[Progress]):
    """The progress of the processes that show none."""

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def advance(self, steps: int = 1) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""
