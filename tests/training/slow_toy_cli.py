"""`edgedet`, with the toy in the registry and steps slow enough to be interrupted."""

import sys
import time

from training_toys import Toy, register_toy

from edgedet.cli import main

loss = Toy.loss


def slow_loss(self, images, targets):  # type: ignore[no-untyped-def]
    time.sleep(0.1)
    return loss(self, images, targets)


if __name__ == "__main__":
    register_toy()
    Toy.loss = slow_loss  # type: ignore[method-assign]
    sys.exit(main())
