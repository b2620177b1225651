"""How cameras do, in the text format of Prometheus (exposition format 0.0.4)."""

from typing import TYPE_CHECKING, Callable, List, NamedTuple, Optional, Sequence, Tuple

from ..camera.health import CAPTURED, COUNTED, DETECTED, DROPPED, LIVE, PROCESSED

if TYPE_CHECKING:
    from ..camera.health import Vitals

Sample = Tuple[str, Optional[float]]
"""Labels besides the camera's, as they are written, and a value; None: nothing to tell yet."""


class _Metric(NamedTuple):
    name: str
    kind: str
    about: str
    read: "Callable[[Vitals], Sequence[Sample]]"


def _rate(name: str) -> "Callable[[Vitals], Sequence[Sample]]":
    return lambda vitals: [("", vitals.rates[name])]


METRICS = (
    _Metric("camera_fps", "gauge", "Frames a second that come.", _rate(CAPTURED)),
    _Metric("process_fps", "gauge", "Frames a second that are looked at.", _rate(PROCESSED)),
    _Metric("detection_fps", "gauge", "Frames a second that hold something.", _rate(DETECTED)),
    _Metric("skipped_fps", "gauge", "Frames a second that a newer one overtook.", _rate(DROPPED)),
    _Metric(
        "inference_speed_seconds",
        "gauge",
        "Of the last frame: from the frame to its detections.",
        lambda vitals: [("", _seconds(vitals.inference_ms))],
    ),
    _Metric(
        "frame_age_seconds",
        "gauge",
        "Of the last frame: from its capture to its detections.",
        lambda vitals: [("", _seconds(vitals.age_ms))],
    ),
    _Metric(
        "camera_live",
        "gauge",
        "1 while frames come.",
        lambda vitals: [("", float(vitals.state == LIVE))],
    ),
    _Metric(
        "camera_silent_seconds",
        "gauge",
        "Since the last frame came.",
        lambda vitals: [("", vitals.silent_s)],
    ),
    _Metric(
        "frames_total",
        "counter",
        "Frames by what became of them.",
        lambda vitals: [(',kind="{}"'.format(name), vitals.counts[name]) for name in COUNTED],
    ),
    _Metric(
        "gaps_total",
        "counter",
        "Times that no frame came for too long.",
        lambda vitals: [("", vitals.gaps)],
    ),
    _Metric(
        "gap_seconds_total",
        "counter",
        "All gaps together.",
        lambda vitals: [("", vitals.gap_s)],
    ),
    _Metric(
        "reopened_total",
        "counter",
        "Attempts to open the source again.",
        lambda vitals: [("", vitals.reopened)],
    ),
)
PREFIX = "edgedet_"


def metrics_text(vitals: "Sequence[Vitals]") -> str:
    """Return all metrics of all cameras, each with a label `camera`."""
    return "".join(line + "\n" for metric in METRICS for line in _lines(metric, vitals))


def _lines(metric: _Metric, vitals: "Sequence[Vitals]") -> List[str]:
    name = PREFIX + metric.name
    lines = ["# HELP {} {}".format(name, metric.about), "# TYPE {} {}".format(name, metric.kind)]
    for each in vitals:
        for labels, value in metric.read(each):
            if value is not None:
                camera = _escaped(each.camera)
                lines.append('{}{{camera="{}"{}}} {!r}'.format(name, camera, labels, float(value)))
    return lines


def _seconds(value_ms: Optional[float]) -> Optional[float]:
    return None if value_ms is None else value_ms / 1000


def _escaped(text: str) -> str:
    """Return it as the value of a label."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
