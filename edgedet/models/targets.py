"""What a training image should be detected as."""

from typing import NamedTuple

from torch import Tensor

IGNORED_LABEL = -1
"""Label of an object that is neither to be learnt nor background: a crowd, a difficult one."""


class Target(NamedTuple):
    """Objects of one image at the network's input size."""

    boxes_xyxy: Tensor
    """[n, 4] float32, pixels of the network's input."""
    labels: Tensor
    """[n] int64, 0-based foreground class or `IGNORED_LABEL`."""
