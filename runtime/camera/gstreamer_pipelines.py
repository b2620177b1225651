"""What GStreamer is told, as text: pure functions."""

import re
import shlex
from typing import List, Sequence, Tuple

from ..errors import UsageError
from .source_uri import redacted

CSI_SIZE_HW = (720, 1280)
CSI_FPS = 30.0
"""What a CSI camera is asked for if nobody says anything: each sensor has it."""
CONVERTER = "nvvidconv"
"""The element that reads the memory of a Jetson's cameras and decoder."""
NVIDIA_CONVERTER = " ! " + CONVERTER + " ! video/x-raw,format=I420"
LATENCY_MS = 100
"""Of rtspsrc, which waits so long for packets out of order; its own 2 s are for films."""

# From one YUV to another videoconvert leaves the full range of JPEGs as it is, from RGB not.
_BY_RGB = " ! videoconvert ! video/x-raw,format=BGRx"
# In half the bytes of BGR; the colours as OpenCV reads them.
_PIXELS = "videoconvert ! video/x-raw,format=I420,colorimetry=bt601"
# The newest frame only: a queue would make each one late for ever after a pause.
_LEAKY = "queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0"
# y4menc tells the size of the frames, but only of the first ones: a new size shows in the length
# that multipartmux puts before each.
_FRAMED = "y4menc ! multipartmux"
_COMPLAINT = re.compile(r"(?:WARNING|ERROR): (?:from element \S+: )?(.*)$")


def csi_pipeline(sensor: int, size_hw: Tuple[int, int], fps: float, form: str) -> str:
    """Return frames of a CSI camera of a Jetson; only nvvidconv reads its memory.

    form: of the pixels, BGRx or I420.
    """
    return (
        "nvarguscamerasrc sensor-id={} ! "
        "video/x-raw(memory:NVMM),width={},height={},framerate={},format=NV12 ! "
        "nvvidconv ! video/x-raw,format={}"
    ).format(sensor, size_hw[1], size_hw[0], fraction(fps), form)


def rtsp_pipeline(address: str, silence_s: float, on_jetson: bool = False) -> str:
    """Return frames of an RTSP stream over TCP, whatever its codec.

    on_jetson: where decodebin takes NVIDIA's decoder, whose memory only nvvidconv reads.
    """
    source = "rtspsrc location={} protocols=tcp latency={} tcp-timeout={} ! decodebin"
    text = source.format(quoted(address), LATENCY_MS, int(silence_s * 1e6))
    return text + (NVIDIA_CONVERTER if on_jetson else "") + _BY_RGB


def user_pipeline(text: str) -> str:
    """Return frames of the user's own pipeline, which ends before its sink."""
    return text.rstrip(" !") + _BY_RGB


def with_appsink(pipeline: str) -> str:
    """Return the pipeline for OpenCV, which takes frames from an appsink, the newest only."""
    sink = " ! videoconvert ! video/x-raw,format=BGR ! appsink drop=true max-buffers=1 sync=false"
    return pipeline + sink


def launch_words(pipeline: str, descriptor: int) -> List[str]:
    """Return the command that writes the frames to a file descriptor, each behind its length.

    UsageError for quotes that do not close.
    """
    sink = "! {} ! {} ! {} ! fdsink sync=false fd={}".format(_PIXELS, _LEAKY, _FRAMED, descriptor)
    try:
        # As the shell splits it: gst-launch-1.0 wants one word for each argument.
        words = shlex.split(pipeline)
    except ValueError as error:
        found = "{} ({})".format(redacted(pipeline), error)
        fix = "write it as behind gst-launch-1.0, without the sink"
        raise UsageError("a GStreamer pipeline", found, fix) from error
    return ["gst-launch-1.0"] + words + sink.split(" ")


def complaint_of(lines: Sequence[str]) -> str:
    """Return the first thing that gst-launch-1.0 complained of, with its cause; empty for nothing.

    What follows from it is of no help. The cause stands two lines below "Additional debug info:".
    """
    for index, line in enumerate(lines):
        found = _COMPLAINT.match(line)
        if found is not None:
            info = lines[index + 1 : index + 4]
            cause = info[2] if len(info) == 3 and info[0].startswith("Additional") else ""
            return " ".join((found.group(1) + " " + cause).split())
    return ""


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
