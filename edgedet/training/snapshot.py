"""The whole state of a training as plain types and tensors, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgedet.runtime.spec import spec_from_json, spec_to_json
from edgedet.training.best import Best
from edgedet.training.checkpoint import load_weights
from edgedet.training.parts import Parts, Place
from edgedet.training.tally import Tally


def snapshot(parts: Parts, place: Place) -> dict[str, Any]:
    """Return the keys of a checkpoint that change while training. Tensors are not copied."""
    ema = parts.ema.state_dict() if parts.ema else {"weights": None, "updates": 0}
    module: Any = parts.module
    return {
        "spec": spec_to_json(module.spec),
        "model": dict(parts.module.state_dict()),
        "ema": ema["weights"],
        "ema_updates": ema["updates"],
        "optimizer": parts.raw_optimizer.state_dict(),
        "scaler": parts.fabric.strategy.precision.state_dict(),
        "epoch": place.epoch,
        "batches_done": place.batches_done,
        "step": place.step,
        "best": place.best.state_dict(),
        "tally": place.tally.state_dict(),
    }


def restore(parts: Parts, state: Mapping[str, Any], path: Path) -> Place:
    """Put the state of a checkpoint into `parts` and return the place to go on from.

    Raises ModelError naming `path` when the weights are those of another model.
    """
    module: Any = parts.module
    module.spec = spec_from_json(state["spec"])
    load_weights(module, state["model"], path)
    if parts.ema:
        load_weights(parts.ema.module, state["ema"], path)
        parts.ema.load_state_dict({"weights": state["ema"], "updates": state["ema_updates"]})
    parts.raw_optimizer.load_state_dict(state["optimizer"])
    parts.fabric.strategy.precision.load_state_dict(state["scaler"])
    tally = Tally()
    tally.load_state_dict(state["tally"], parts.fabric)
    return Place(
        epoch=state["epoch"],
        batches_done=state["batches_done"],
        step=state["step"],
        best=Best(**state["best"]),
        tally=tally,
    )
