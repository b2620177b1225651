"""Opening whatever the user names as a camera."""

from typing import Callable, Dict

from . import source_uri
from .gstreamer_capture import open_csi, open_pipeline
from .http_stream import open_http
from .live_source import CaptureWish, LiveSource
from .mjpeg_stream import open_stdin
from .moving_shapes import MovingShapes
from .network_stream import open_rtsp
from .paced_files import PacedFiles
from .source_uri import SourceUri, parse_source
from .usb_device import open_usb


def open_live(uri: str, wish: CaptureWish) -> LiveSource:
    """Open a camera, a stream, a file or what stands for one.

    SourceLostError: nothing is there yet, and it is worth trying again; so it is with streams,
    whose server may start later. UsageError, DataError, DeviceError: it will not open by itself, as
    a device that is not there, a file that does not decode, a program that is not installed.
    """
    source = parse_source(uri, wish)
    return _OPENERS[source.kind](source)


_OPENERS: Dict[str, Callable[[SourceUri], LiveSource]] = {
    source_uri.FILES: PacedFiles,
    source_uri.SHAPES: MovingShapes,
    source_uri.USB: open_usb,
    source_uri.CSI: open_csi,
    source_uri.PIPELINE: open_pipeline,
    source_uri.RTSP: open_rtsp,
    source_uri.HTTP: open_http,
    source_uri.STDIN: open_stdin,
}
