"""What the settings ask to make of detections: tiles, tracks, steadier scores, zones.

A start without them does not wait for their modules.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Sequence, Tuple

from .insight import Insight
from .settings import CameraSettings, grid_of

if TYPE_CHECKING:
    from ..detector import Detector
    from ..tracking.zone import Zone
    from .loop import Finder


def chosen_zones(settings: CameraSettings, class_names: Sequence[str]) -> "Tuple[Zone, ...]":
    """Return the zones of the settings' file; UsageError for a file that does not hold any."""
    if settings.zones is None:
        return ()
    from ..tracking.zone import read_zones

    return read_zones(Path(settings.zones), class_names)


def chosen_finder(settings: CameraSettings, detector: "Detector") -> "Finder":
    """Return the detector, or one that looks at tiles with it."""
    if settings.tiles is None:
        return detector
    from ..tiled_detector import TiledDetector
    from ..tiles import Tiling

    return TiledDetector(detector, Tiling(grid_of(settings.tiles), settings.overlap))


def chosen_insight(settings: CameraSettings, zones: "Sequence[Zone]", n_classes: int) -> Insight:
    """Return what makes sense of the frames of one camera; zones count tracks."""
    if not (settings.track or zones):
        return Insight()
    from ..tracking.following import Follower, FollowOptions
    from ..tracking.zones import Zones

    follower = Follower(FollowOptions(half_life_s=settings.smooth))
    return Insight(follower, Zones(zones, n_classes) if zones else None)
