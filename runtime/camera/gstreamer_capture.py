"""Frames of GStreamer, by OpenCV where it can, else by a process of its own."""

from ..errors import DeviceError
from ..opencv import opencv, quiet
from .granted_text import words_of
from .gstreamer_pipe import GstreamerPipe, has_program
from .gstreamer_pipelines import (
    CSI_FPS,
    CSI_SIZE_HW,
    csi_pipeline,
    user_pipeline,
    with_appsink,
)
from .live_source import LiveSource
from .opencv_capture import OpenCvCapture
from .source_uri import SourceUri
from .video_backends import GSTREAMER, has_backend


def open_csi(source: SourceUri) -> LiveSource:
    """Open a CSI camera of a Jetson; DeviceError where there is none, or no GStreamer."""
    size_hw, fps = source.wish.size_hw or CSI_SIZE_HW, source.wish.fps or CSI_FPS
    camera = _open(source, csi_pipeline(int(source.target), size_hw, fps), "CSI")
    camera.asked = words_of(size_hw, fps, "CSI")
    return camera


def open_pipeline(source: SourceUri) -> LiveSource:
    """Open what the user's own pipeline gives; it ends before its sink.

    Always in a process of its own: what users write may crash.
    """
    return GstreamerPipe(source, user_pipeline(source.target), "GStreamer")


def _open(source: SourceUri, pipeline: str, form: str) -> LiveSource:
    cv2 = opencv()
    if not has_backend(cv2, GSTREAMER):
        return GstreamerPipe(source, pipeline, form)
    with quiet(cv2):
        capture = cv2.VideoCapture(with_appsink(pipeline), cv2.CAP_GSTREAMER)
    if capture.isOpened():
        return OpenCvCapture(cv2, capture, source, form)
    if has_program():  # it tells why, where OpenCV does not
        return GstreamerPipe(source, pipeline, form)
    fix = "check its cable; run: sudo systemctl restart nvargus-daemon"
    raise DeviceError("a camera at " + source.shown, "one that does not open", fix)
