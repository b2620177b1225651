"""How all cameras do, as JSON for the page and for programs."""

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence

from ..draw import label_color

if TYPE_CHECKING:
    from ..camera.health import Vitals
    from ..camera.seen import Seen, ZoneCount

SCHEMA_VERSION = 1


def camera_state(
    vitals: "Vitals", seen: "Optional[Seen]", class_names: Sequence[str]
) -> Dict[str, Any]:
    """Return how one camera does and what its newest frame holds."""
    values: Dict[str, Any] = {
        "name": vitals.camera,
        "state": vitals.state,
        "trouble": vitals.trouble,
        "granted": vitals.granted,
        "frames": vitals.counts,
        "fps": {name: round(rate, 2) for name, rate in vitals.rates.items()},
        "age_ms": _rounded(vitals.age_ms),
        "inference_ms": _rounded(vitals.inference_ms),
        "silent_s": _rounded(vitals.silent_s),
        "gaps": vitals.gaps,
        "gap_s": _rounded(vitals.gap_s),
        "reopened": vitals.reopened,
        "frame": None,
        "classes": [],
        "zones": [],
    }
    if seen is not None:
        height, width = seen.frame.image_bgr.shape[:2]
        size = {"number": seen.frame.number, "width": width, "height": height}
        values.update(
            frame=size,
            classes=_classes(seen.detections.labels.tolist(), class_names),
            zones=[_zone(zone, class_names) for zone in seen.zones],
        )
    return values


def _classes(labels: Sequence[int], class_names: Sequence[str]) -> List[Dict[str, Any]]:
    """Return how many objects of each class there are, with the colour of their boxes."""
    return [
        {
            "label": label,
            "class": class_names[label],
            "count": labels.count(label),
            "color": "#{2:02x}{1:02x}{0:02x}".format(*label_color(label)),
        }
        for label in sorted(set(labels))
    ]


def _zone(zone: "ZoneCount", class_names: Sequence[str]) -> Dict[str, Any]:
    return {
        "name": zone.zone,
        "line": not zone.inside,
        "inside": _named(zone.inside, class_names),
        "passed": _named(zone.passed, class_names),
        "passed_back": _named(zone.passed_back, class_names),
    }


def _named(counts: Sequence[int], class_names: Sequence[str]) -> Dict[str, int]:
    return {name: int(count) for name, count in zip(class_names, counts) if count}


def _rounded(value: Optional[float]) -> Optional[float]:
    return None if value is None else round(value, 1)
