"""A classification network cut at the blocks where detection heads attach."""

from typing import NamedTuple, cast

from torch import Tensor, nn

from edgedet.models.tap_points import tap_points
from edgedet.models.trunk_networks import TRUNKS
from edgedet.nearest import unknown_name
from edgedet.runtime.errors import UsageError


class Tap(NamedTuple):
    """A place in the trunk where a head reads its map."""

    block: int
    """Counted from 1; in MobileNetV2, 18 is the last 1x1 convolution."""
    expansion: bool
    """Read after the 1x1 expansion of an inverted residual instead of at its end."""
    channels: int
    stride: int


NAMED_TAPS_TRUNK = "mobilenet_v2"
"""The trunk that the names of `TAPS` are about."""

TAPS: dict[str, tuple[Tap, ...]] = {
    # The paper's design, for which the A-score is argued (spec 2).
    "paper": (Tap(5, False, 32, 8), Tap(8, False, 64, 16)),
    # What the authors' code attaches to.
    "code": (Tap(6, False, 32, 8), Tap(10, False, 64, 16)),
    # SSD MobileNetV2 as TensorFlow ships it.
    "original": (Tap(14, True, 576, 16), Tap(18, False, 1280, 32)),
}


def taps_of(trunk: str, taps: str | tuple[int, ...]) -> tuple[Tap, ...]:
    """Return the taps of a name out of `TAPS`, or the ends of numbered blocks, finest first.

    Raises UsageError for a name that is unknown or of another trunk, and for numbers that are
    not blocks of the trunk or do not rise.
    """
    if isinstance(taps, str):
        return _named(trunk, taps)
    points = {point.block: point for point in tap_points(trunk)}
    rising = bool(taps) and list(taps) == sorted(set(taps))
    if not rising or not points.keys() >= set(taps):
        raise _unfit(trunk, taps)
    return tuple(Tap(b, False, points[b].channels, points[b].stride) for b in taps)


def _named(trunk: str, name: str) -> tuple[Tap, ...]:
    if name not in TAPS:
        raise unknown_name("value of taps", name, TAPS)
    if trunk != NAMED_TAPS_TRUNK:
        raise _unfit(trunk, name)
    return TAPS[name]


def _unfit(trunk: str, taps: object) -> UsageError:
    return UsageError(
        f"taps of {trunk} as rising block numbers out of 1..{len(tap_points(trunk))}",
        repr(taps),
        "list the blocks after which heads read, finest first",
    )


def _cut(blocks: nn.Sequential, taps: tuple[Tap, ...]) -> list[nn.Sequential]:
    stages, start = [], 0
    head: list[nn.Module] = []
    for tap in taps:
        if not tap.expansion:
            stages.append(nn.Sequential(*head, *blocks[start : tap.block + 1]))
            start, head = tap.block + 1, []
            continue
        inside = cast(nn.Sequential, blocks[tap.block].conv)
        stages.append(nn.Sequential(*head, *blocks[start : tap.block], inside[0]))
        # The rest of a block with a residual would miss its input: only strided blocks are cut.
        start, head = tap.block + 1, [inside[1:]]
    return stages


class Trunk(nn.Module):
    """Stem and blocks of the network `name` up to the last tap; returns one map a tap.

    frozen_blocks: 0 trains everything; n keeps the stem and blocks 1..n as they were loaded, in
    evaluation mode: 15 images a second instead of 6 on two CPU cores (docs/results/speed.md).
    blocks: those of an existing network instead of a new one.
    """

    def __init__(
        self,
        name: str,
        taps: tuple[Tap, ...],
        frozen_blocks: int = 0,
        blocks: nn.Sequential | None = None,
    ) -> None:
        super().__init__()
        blocks = TRUNKS[name].blocks() if blocks is None else blocks
        first = taps[0].block - taps[0].expansion
        if not 0 <= frozen_blocks <= first:
            raise UsageError(
                f"frozen_blocks between 0 and {first}, the last block before the first head",
                str(frozen_blocks),
                "freeze fewer blocks",
            )
        self.name = name
        self.taps = taps
        self.stages = nn.ModuleList(_cut(blocks, taps))
        # A tuple hides the modules from registration: they already belong to a stage.
        self._frozen = tuple(blocks[: frozen_blocks + 1]) if frozen_blocks else ()
        for block in self._frozen:
            block.requires_grad_(False)

    def train(self, mode: bool = True) -> "Trunk":
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
