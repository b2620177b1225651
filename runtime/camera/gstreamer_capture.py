"""Frames of GStreamer, by OpenCV where it can, else by a process of its own."""

from typing import Optional

from ..opencv import opencv, quiet
from .granted_text import words_of
from .gstreamer_pipe import GstreamerPipe
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

CSI = "CSI"
ON_A_JETSON = "CSI cameras are for a Jetson with JetPack; elsewhere give 0 or an address"


def open_csi(source: SourceUri) -> LiveSource:
    """Open a CSI camera of a Jetson; DeviceError where there is none, or no GStreamer."""
    size_hw, fps = source.wish.size_hw or CSI_SIZE_HW, source.wish.fps or CSI_FPS
    sensor = int(source.target)
    camera = _open_by_opencv(source, csi_pipeline(sensor, size_hw, fps, "BGRx"))
    if camera is None:
        pipeline = csi_pipeline(sensor, size_hw, fps, "I420")
        camera = GstreamerPipe(source, pipeline, CSI, ON_A_JETSON)
    camera.asked = words_of(size_hw, fps, CSI)
    return camera


def open_pipeline(source: SourceUri) -> LiveSource:
    """Open what the user's own pipeline gives; it ends before its sink.

    Always in a process of its own: what users write may crash. When the pipeline ends by itself it
    is begun again, as any camera is.
    """
    return GstreamerPipe(source, user_pipeline(source.target), "GStreamer")


def _open_by_opencv(source: SourceUri, pipeline: str) -> Optional[LiveSource]:
    """Return None where OpenCV cannot; unlike it, the pipe tells why."""
    cv2 = opencv()
    if not has_backend(cv2, GSTREAMER):
        return None
    with quiet(cv2):
        capture = cv2.VideoCapture(with_appsink(pipeline), cv2.CAP_GSTREAMER)
    return OpenCvCapture(cv2, capture, source, CSI) if capture.isOpened() else None
