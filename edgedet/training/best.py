"""The best evaluation so far, and how long ago it was: selection and early stopping."""

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Best:
    """What the best checkpoint is chosen by."""

    value: float = -math.inf
    """The highest value; -inf before the first evaluation, nan as long as none was a number."""
    epoch: int = 0
    """Epochs that were done then."""
    evaluations_since: int = 0
    """Evaluations after it that were not better."""

    def update(self, value: float, epoch: int) -> bool:
        """Take in an evaluation and return whether it is the best so far.

        The first one always is, so that there is a best checkpoint even when the validation
        images hold no object and the value is nan. An equal one is not.
        """
        first = self.epoch == 0
        if first or value > self.value or (math.isnan(self.value) and not math.isnan(value)):
            self.value, self.epoch, self.evaluations_since = value, epoch, 0
            return True
        self.evaluations_since += 1
        return False

    def is_stale(self, patience: int) -> bool:
        """Return whether `patience` evaluations in a row brought nothing; 0 waits for ever."""
        return 0 < patience <= self.evaluations_since

    def state_dict(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)
