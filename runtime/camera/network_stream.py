"""Streams over the network, by OpenCV's FFmpeg, else by GStreamer."""

import os
import socket
from types import ModuleType
from typing import Any, List
from urllib.parse import urlsplit, urlunsplit

from ..errors import DeviceError
from ..opencv import opencv, quiet
from .gstreamer_pipe import GstreamerPipe, has_element
from .gstreamer_pipelines import CONVERTER, rtsp_pipeline
from .live_source import LiveSource, SourceLostError
from .opencv_capture import OpenCvCapture
from .source_uri import SourceUri, host_and_port
from .video_backends import FFMPEG, has_backend

ANSWER_S = 1.0
"""For a server to take a connection, and to answer: when it is back this must not take long."""
OPENING_MS = 10000
"""For FFmpeg to open a stream that has a server, and to see the first frame."""
THREADS = 1
"""Of the decoder: each one more makes all frames one frame later, and keeps the last one before a
gap until the gap is over, as if it were new."""
OLD_OPTIONS = "rtsp_transport;tcp|stimeout;{}".format(OPENING_MS * 1000)
"""For an OpenCV that cannot be given times as parameters: those are of FFmpeg 4 then."""

_FIX = "check its power, the network and the path"


def open_rtsp(source: SourceUri) -> LiveSource:
    """Open an RTSP stream, over TCP.

    What FFmpeg is to do otherwise, as `rtsp_transport;udp`, the environment can say in
    OPENCV_FFMPEG_CAPTURE_OPTIONS. SourceLostError when it does not come; DeviceError when it wants
    a password and was given none.
    """
    require_answer(source)
    cv2 = opencv()
    if has_backend(cv2, FFMPEG):
        try:
            return open_by_ffmpeg(source, "RTSP")
        except SourceLostError as error:
            _tell_refusal(source)
            raise error
    on_jetson = has_element(CONVERTER)
    pipeline = rtsp_pipeline(source.target, source.wish.silence_s, on_jetson)
    return GstreamerPipe(source, pipeline, "RTSP")


def open_by_ffmpeg(source: SourceUri, form: str) -> LiveSource:
    """Open a stream by its address; SourceLostError when it does not open in time."""
    cv2 = opencv()
    if not hasattr(cv2, "CAP_PROP_OPEN_TIMEOUT_MSEC"):
        os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", OLD_OPTIONS)
    with quiet(cv2):
        capture = _capture(cv2, source.target)
    if not capture.isOpened():
        raise SourceLostError("a stream at " + source.shown, "none that opens", _FIX)
    return OpenCvCapture(cv2, capture, source, form)


def require_answer(source: SourceUri) -> None:
    """Raise SourceLostError unless the server takes a connection, and answers if it is for RTSP.

    Libraries take long to tell, and OpenCV opens nothing else meanwhile: a server that hangs would
    keep all other cameras away.
    """
    try:
        if urlsplit(source.target).scheme.lower() != "rtsp":
            socket.create_connection(host_and_port(source.target), ANSWER_S).close()
        elif not _status(source, "OPTIONS"):
            raise OSError("no answer")
    except OSError as error:
        found = error.strerror or str(error)
        raise SourceLostError("a server for " + source.shown, found, _FIX) from error


def _capture(cv2: ModuleType, address: str) -> Any:
    parameters: List[int] = []
    for name, value in (
        ("CAP_PROP_OPEN_TIMEOUT_MSEC", OPENING_MS),
        # Also for the first frame, which comes with the next whole picture only; afterwards the
        # watch over the reader is stricter.
        ("CAP_PROP_READ_TIMEOUT_MSEC", OPENING_MS),
        ("CAP_PROP_N_THREADS", THREADS),
    ):
        if hasattr(cv2, name):
            parameters += [getattr(cv2, name), value]
    if not parameters:
        return cv2.VideoCapture(address, cv2.CAP_FFMPEG)
    return cv2.VideoCapture(address, cv2.CAP_FFMPEG, parameters)


def _tell_refusal(source: SourceUri) -> None:
    """Raise what the server says of it, where the library keeps that to itself.

    DeviceError when it wants a password and was given none: without one it will never open.
    """
    parts = urlsplit(source.target)
    if parts.scheme.lower() != "rtsp":
        return
    try:
        status = _status(source, "DESCRIBE").decode("ascii", "replace")
    except OSError:
        return
    if status == "401" and parts.username is None:
        expected, found = "permission to see " + source.shown, "a server that wants a password"
        raise DeviceError(expected, found, "write it as rtsp://user:password@...")
    if status == "401":
        found = "none that opens with this user and password"
        raise SourceLostError("a stream at " + source.shown, found, "check both")
    if status[:1] in ("4", "5"):
        found = "the answer {}{}".format(status, " (no such path)" if status == "404" else "")
        raise SourceLostError("a stream at " + source.shown, found, "check the path")


def _status(source: SourceUri, method: str) -> bytes:
    """Return what the server answers who asks without a password, as `200`; empty for no RTSP.

    OSError when it does not answer.
    """
    asked = "{} {} RTSP/1.0\r\nCSeq: 1\r\n\r\n".format(method, _without_user(source.target))
    with socket.create_connection(host_and_port(source.target), ANSWER_S) as connection:
        connection.settimeout(ANSWER_S)
        connection.sendall(asked.encode())
        words = connection.recv(1 << 10).split(None, 2)
    return words[1] if len(words) > 1 and words[0].startswith(b"RTSP/") else b""


def _without_user(address: str) -> str:
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
