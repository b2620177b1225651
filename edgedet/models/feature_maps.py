"""The pyramid that SSD heads read: the trunk's taps and the extra layers behind them."""

from torch import Tensor, nn

from edgedet.models.trunk import Trunk
from edgedet.runtime.errors import UsageError

FIRST_EXTRA_WIDTHS = (256, 512)
"""1x1 and 3x3 stride-2 channels of the first extra map (spec 2)."""
LATER_EXTRA_WIDTHS = (128, 256)
"""Those of every extra map behind it."""


def check_levels(levels: int, taps: int) -> None:
    """Raise UsageError when there are fewer levels than taps."""
    if levels < taps:
        raise UsageError(
            f"anchors for at least {taps} levels, one a tap",
            f"anchors for {levels}",
            "give every tap its anchors, or name fewer taps",
        )


def _extra(channels_in: int, reduced: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, reduced, 1),
        nn.ReLU(inplace=True),
        nn.Conv2d(reduced, channels_out, 3, stride=2, padding=1),
        nn.ReLU(inplace=True),
    )


class SsdFeatureMaps(nn.Module):
    """The taps of the trunk, and extra maps, each at twice the stride of the one before.

    levels: maps in all; those beyond the taps are extra ones.
    """

    def __init__(self, trunk: Trunk, levels: int) -> None:
        super().__init__()
        check_levels(levels, len(trunk.taps))
        self.trunk = trunk
        self.channels = [tap.channels for tap in trunk.taps]
        self.strides = [tap.stride for tap in trunk.taps]
        self.extras = nn.ModuleList()
        for level in range(levels - len(trunk.taps)):
            reduced, channels = LATER_EXTRA_WIDTHS if level else FIRST_EXTRA_WIDTHS
            self.extras.append(_extra(self.channels[-1], reduced, channels))
            self.channels.append(channels)
            self.strides.append(self.strides[-1] * 2)
        for layer in self.extras.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return one map a level, finest first."""
        maps: list[Tensor] = self.trunk(images)
        for extra in self.extras:
            maps.append(extra(maps[-1]))
        return maps
