"""MobileNetV2 cut at the blocks where detection heads attach."""

from typing import NamedTuple, cast

from torch import Tensor, nn
from torchvision.models import mobilenet_v2

from edgedet.nearest import unknown_name
from edgedet.runtime.errors import UsageError


class Tap(NamedTuple):
    """A place in the trunk where a head reads its map."""

    block: int
    """Inverted residual, counted from 1; 18 is the last 1x1 convolution."""
    expansion: bool
    """Read after the block's 1x1 expansion instead of at its end."""
    channels: int
    stride: int


TAPS: dict[str, tuple[Tap, ...]] = {
    # The paper's design, for which the A-score is argued (spec 2).
    "paper": (Tap(5, False, 32, 8), Tap(8, False, 64, 16)),
    # What the authors' code attaches to.
    "code": (Tap(6, False, 32, 8), Tap(10, False, 64, 16)),
    # SSD MobileNetV2 as TensorFlow ships it.
    "original": (Tap(14, True, 576, 16), Tap(18, False, 1280, 32)),
}


def taps_named(name: str) -> tuple[Tap, ...]:
    """Return the taps of that name."""
    if name not in TAPS:
        raise unknown_name("value of taps", name, TAPS)
    return TAPS[name]


def _cut(features: nn.Sequential, taps: tuple[Tap, ...]) -> list[nn.Sequential]:
    stages, start = [], 0
    head: list[nn.Module] = []
    for tap in taps:
        if not tap.expansion:
            stages.append(nn.Sequential(*head, *features[start : tap.block + 1]))
            start, head = tap.block + 1, []
            continue
        inside = cast(nn.Sequential, features[tap.block].conv)
        stages.append(nn.Sequential(*head, *features[start : tap.block], inside[0]))
        # The rest of a block with a residual would miss its input: only strided blocks are cut.
        start, head = tap.block + 1, [inside[1:]]
    return stages


class MobileNetV2Trunk(nn.Module):
    """Stem and inverted residuals up to the last tap; returns one map a tap.

    frozen_blocks: 0 trains everything; n keeps the stem and blocks 1..n as they were loaded, in
    evaluation mode: 15 images a second instead of 6 on two CPU cores (docs/results/speed.md).
    """

    def __init__(
        self,
        taps: tuple[Tap, ...],
        frozen_blocks: int = 0,
        features: nn.Sequential | None = None,
    ) -> None:
        super().__init__()
        features = mobilenet_v2(weights=None).features if features is None else features
        first = taps[0].block - taps[0].expansion
        if not 0 <= frozen_blocks <= first:
            raise UsageError(
                f"frozen_blocks between 0 and {first}, the last block before the first head",
                str(frozen_blocks),
                "freeze fewer blocks",
            )
        self.taps = taps
        self.stages = nn.ModuleList(_cut(features, taps))
        # A tuple hides the modules from registration: they already belong to a stage.
        self._frozen = tuple(features[: frozen_blocks + 1]) if frozen_blocks else ()
        for block in self._frozen:
            block.requires_grad_(False)

    def train(self, mode: bool = True) -> "MobileNetV2Trunk":
        """Set the mode of everything but the frozen blocks, which stay in evaluation."""
        super().train(mode)
        for block in self._frozen:
            block.eval()
        return self

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the map of each tap, [N, channels, H / stride, W / stride]."""
        maps = []
        for stage in self.stages:
            images = stage(images)
            maps.append(images)
        return maps
