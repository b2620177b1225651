"""What the picture of the ranges says of the values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgedet.calibration.statistics import Statistics
from edgedet.int8 import histogram_chart
from edgedet.int8.tensor_losses import TensorLoss

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def panel(values: list[float], clip: float) -> Axes:
    """The picture of one tensor that `mse` clips there."""
    from matplotlib.figure import Figure

    statistics = Statistics.empty(["x"])
    statistics.add(0, np.array(values, np.float32))
    axes = Figure().subplots()
    loss = TensorLoss("x", "conv", 40.0, {"minmax": max(values), "mse": clip})
    histogram_chart._draw(axes, loss, "conv", (statistics, "mse"))
    return axes


@pytest.mark.parametrize(
    ("clip", "clipped"),
    [(255.0, "0.00% clipped"), (128.0, "90.00% clipped"), (1.5, "100.00% clipped")],
)
def test_a_value_at_the_end_of_the_range_is_not_clipped(clip: float, clipped: str) -> None:
    """White pixels are 255, where a bin begins: the range ends with them and holds them."""
    axes = panel([64.0] + 9 * [255.0], clip)
    assert clipped in axes.get_title(loc="left")
