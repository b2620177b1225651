"""How long an invocation may train."""

import math
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """A moment on `time.monotonic` after which nothing is begun, and what runs is saved."""

    until: float = math.inf

    @classmethod
    def of_minutes(cls, minutes: float | None) -> "Budget":
        """Return the budget that ends `minutes` from now; without end for None."""
        return cls() if minutes is None else cls(time.monotonic() + 60 * minutes)

    @property
    def spent(self) -> bool:
        """Whether the moment has passed."""
        return time.monotonic() >= self.until
