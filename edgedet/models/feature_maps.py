"""The pyramid that SSD heads read: the trunk's taps and the extra layers behind them."""

from torch import Tensor, nn

from edgedet.models.trunk import MobileNetV2Trunk, Tap

EXTRA_WIDTHS = ((256, 512), (128, 256))
"""1x1 and 3x3 stride-2 channels of the two extra maps (spec 2)."""


def _extra(channels_in: int, reduced: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, reduced, 1),
        nn.ReLU(inplace=True),
        nn.Conv2d(reduced, channels_out, 3, stride=2, padding=1),
        nn.ReLU(inplace=True),
    )


class SsdFeatureMaps(nn.Module):
    """Two taps of the trunk and two extra maps, each at twice the stride of the one before."""

    def __init__(self, taps: tuple[Tap, ...], frozen_blocks: int = 0) -> None:
        super().__init__()
        self.trunk = MobileNetV2Trunk(taps, frozen_blocks)
        self.channels = [tap.channels for tap in taps]
        self.strides = [tap.stride for tap in taps]
        self.extras = nn.ModuleList()
        for reduced, channels in EXTRA_WIDTHS:
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
