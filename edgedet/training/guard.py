"""Stops a training before a loss or gradient that is not a number gets into the weights."""

import math
from collections.abc import Sequence

from edgedet.runtime.errors import ModelError
from edgedet.training.parts import Parts, Place

SHOWN = 8


def check_finite(parts: Parts, place: Place, losses: Sequence[float], norm: float) -> None:
    """Raise ModelError that names the batch when a loss or the gradient's norm is not finite.

    `losses` are those of the batches of one step, the first of which is `place.batches_done`.
    To be called before the optimiser's step: weights and checkpoints are then as before.
    """
    bad = [i for i, loss in enumerate(losses) if not math.isfinite(loss)]
    if not bad and math.isfinite(norm):
        return
    found = f"loss {losses[bad[0]]}" if bad else f"a gradient of norm {norm}"
    batches = [place.batches_done + i for i in bad or range(len(losses))]
    names = [name for index in batches for name in parts.batches.names(place.epoch, index)]
    where = f"epoch {place.epoch + 1}, batch {batches[0] + 1}"
    raise ModelError(
        "a finite loss and gradient",
        f"{found} in {where} ({_listed(names)})",
        "look at these images and labels, or lower lr in the recipe and go on with --resume: "
        "the last checkpoint is as it was",
    )


def fail_with_others() -> None:
    """Raise ModelError in a process whose own numbers are finite while another's are not."""
    raise ModelError(
        "a finite loss and gradient", "another process without", "see the message of that process"
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
