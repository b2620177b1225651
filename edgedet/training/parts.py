"""What one training works with: the parts that change, the numbers that do not, and the place."""

from dataclasses import dataclass, field
from typing import Any

from lightning.fabric import Fabric
from torch import nn
from torch.optim import Optimizer

from edgedet.training.batches import Batches
from edgedet.training.best import Best
from edgedet.training.ema import Ema
from edgedet.training.schedule import Schedule
from edgedet.training.tally import Tally


@dataclass(frozen=True)
class Plan:
    """The numbers that the loop goes by; `Recipe` says what each means."""

    epochs: int
    lr: float
    schedule: Schedule
    accumulate: int = 1
    clip_norm: float = 0.0
    eval_every: int = 1
    patience: int = 0
    select: str = "ap"
    seed: int = 0


@dataclass(frozen=True)
class Parts:
    """What a step works with."""

    fabric: Fabric
    module: nn.Module
    """The detector itself, on its device: a `DetectionModel`."""
    model: Any
    """The detector as Fabric set it up, `loss` marked as a forward method."""
    optimizer: Any
    """The optimiser as Fabric set it up."""
    raw_optimizer: Optimizer
    ema: Ema | None
    batches: Batches

    def best_module(self) -> nn.Module:
        """Return the averaged model, or the trained one where nothing is averaged."""
        return self.ema.module if self.ema else self.module


@dataclass
class Place:
    """Where the training is. Together with `Parts` it is all that a checkpoint must hold."""

    epoch: int = 0
    """Finished epochs."""
    batches_done: int = 0
    """Of the epoch that is not finished; a multiple of `accumulate`, or all of them."""
    step: int = 0
    """Finished steps of the optimiser."""
    best: Best = field(default_factory=Best)
    tally: Tally = field(default_factory=Tally)
    """Sums over `batches_done`."""
