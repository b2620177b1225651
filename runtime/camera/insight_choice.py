"""What the settings ask to make of detections: tiles, tracks, steadier scores, zones."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Sequence, Tuple

from ..errors import UsageError
from ..tracking.following import Follower, FollowOptions
from ..tracking.tiles import TiledDetector
from ..tracking.zones import Zone, Zones, zones_from
from .insight import Insight
from .settings import CameraSettings, grid_of

if TYPE_CHECKING:
    from ..detector import Detector
    from .loop import Finder


def chosen_zones(settings: CameraSettings, class_names: Sequence[str]) -> Tuple[Zone, ...]:
    """Return the zones of the settings' file; UsageError for a file that does not hold any."""
    if settings.zones is None:
        return ()
    path = Path(settings.zones)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        found = " ".join(str(error).split())
        raise UsageError("zones as JSON in {}".format(path), found, "correct the file") from error
    return zones_from(values, class_names)


def chosen_finder(settings: CameraSettings, detector: "Detector") -> "Finder":
    """Return the detector, or one that looks at tiles with it."""
    if settings.tiles is None:
        return detector
    return TiledDetector(detector, grid_of(settings.tiles), settings.overlap)


def chosen_insight(settings: CameraSettings, zones: Sequence[Zone], n_classes: int) -> Insight:
    """Return what makes sense of the frames of one camera."""
    if not settings.track:
        return Insight()
    follower = Follower(FollowOptions(half_life_s=settings.smooth))
    return Insight(follower, Zones(zones, n_classes) if zones else None)
