"""What a training image should be detected as."""

from typing import NamedTuple

from torch import Tensor


class Target(NamedTuple):
    """Objects of one image at the network's input size."""

    boxes_xyxy: Tensor
    """[n, 4] float32, pixels of the network's input."""
    labels: Tensor
    """[n] int64, 0-based foreground class."""
