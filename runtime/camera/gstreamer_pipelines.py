"""What GStreamer is told, as text: pure functions."""

import re
import shlex
from typing import List, NamedTuple, Optional, Tuple

from ..errors import UsageError

SINK_NAME = "edgedet"
CSI_SIZE_HW = (720, 1280)
CSI_FPS = 30.0
"""What a CSI camera is asked for if nobody says anything: each sensor has it."""
LATENCY_MS = 100
"""Of rtspsrc, which waits so long for packets out of order; its own 2 s are for films."""

_BGR = "videoconvert ! video/x-raw,format=BGR"
# The newest frame only: a queue would make each one late for ever after a pause.
_LEAKY = "queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0"
_CAPS = re.compile(r"GstFdSink:" + SINK_NAME + r"\.GstPad:sink: caps = video/x-raw[,(](.*)$")


class Caps(NamedTuple):
    """The frames that a pipeline gives."""

    size_hw: Tuple[int, int]
    fps: float
    """0 when unknown."""


def csi_pipeline(sensor: int, size_hw: Tuple[int, int], fps: float) -> str:
    """Return frames of a CSI camera of a Jetson, BGR. Only nvvidconv reads its memory."""
    return (
        "nvarguscamerasrc sensor-id={} ! "
        "video/x-raw(memory:NVMM),width={},height={},framerate={},format=NV12 ! "
        "nvvidconv ! video/x-raw,format=BGRx ! "
    ).format(sensor, size_hw[1], size_hw[0], fraction(fps)) + _BGR


def rtsp_pipeline(address: str, silence_s: float) -> str:
    """Return frames of an RTSP stream over TCP, BGR, whatever its codec."""
    source = "rtspsrc location={} protocols=tcp latency={} tcp-timeout={}"
    text = source.format(quoted(address), LATENCY_MS, int(silence_s * 1e6))
    return text + " ! decodebin ! " + _BGR


def user_pipeline(text: str) -> str:
    """Return frames of the user's own pipeline, which ends before its sink, BGR."""
    return text.rstrip(" !") + " ! " + _BGR


def with_appsink(pipeline: str) -> str:
    """Return the pipeline for OpenCV, which takes frames from an appsink, the newest only."""
    return pipeline + " ! appsink drop=true max-buffers=1 sync=false"


def launch_words(pipeline: str, descriptor: int) -> List[str]:
    """Return the command that writes the frames to a file descriptor.

    -v makes it tell the size of the frames. UsageError for quotes that do not close.
    """
    sink = "{} ! fdsink name={} sync=false fd={}".format(_LEAKY, SINK_NAME, descriptor)
    try:
        # As the shell splits it: gst-launch-1.0 wants one word for each argument.
        words = shlex.split(pipeline)
    except ValueError as error:
        fix = "write it as behind gst-launch-1.0, without the sink"
        raise UsageError("a GStreamer pipeline", "{} ({})".format(pipeline, error), fix) from error
    return ["gst-launch-1.0", "-v"] + words + ["!"] + sink.split(" ")


def caps_of(line: str) -> Optional[Caps]:
    """Return what a line of `gst-launch-1.0 -v` tells about the frames; None for other lines."""
    found = _CAPS.search(line)
    if found is None:
        return None
    width, height = _field(found.group(1), "width"), _field(found.group(1), "height")
    if width is None or height is None:
        return None
    above, _, below = (_field(found.group(1), "framerate") or "0/1").partition("/")
    return Caps((int(height), int(width)), int(above) / max(1, int(below or 1)))


def row_bytes(width: int) -> int:
    """Return how many bytes a row of BGR pixels takes: GStreamer fills up to a multiple of 4."""
    return (3 * width + 3) // 4 * 4


def fraction(fps: float) -> str:
    """Return the rate as GStreamer writes it: `30/1`, `30000/1001` for 29.97."""
    if abs(fps - round(fps)) < 1e-6:
        return "{}/1".format(round(fps))
    if abs(fps * 1.001 - round(fps * 1.001)) < 0.005:
        return "{}/1001".format(round(fps * 1.001) * 1000)
    return "{}/1000".format(round(fps * 1000))


def quoted(value: str) -> str:
    """Return the value of a property so that GStreamer takes it as it is."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _field(caps: str, name: str) -> Optional[str]:
    found = re.search(name + r"=\([a-z]+\)([\d/]+)", caps)
    return found.group(1) if found else None
