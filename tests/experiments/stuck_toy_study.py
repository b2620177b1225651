"""`edgedet`, with the toy study, whose second variant gets stuck in the middle of an epoch."""

import sys
import time

from toy_study import register_toy_study
from training_toys import Toy

from edgedet.cli import main

STEPS = 6
"""Of 4 an epoch: the first epoch is saved by then."""
loss = Toy.loss
done = 0


def stuck_loss(self, images, targets):  # type: ignore[no-untyped-def]
    global done
    if self.dropout.p > 0.15:
        done += 1
        time.sleep(600 if done > STEPS else 0)
    return loss(self, images, targets)


if __name__ == "__main__":
    register_toy_study()
    Toy.loss = stuck_loss  # type: ignore[method-assign]
    sys.exit(main())
