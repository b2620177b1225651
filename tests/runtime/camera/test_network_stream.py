"""What OpenCV is told of streams, and who reads them where it cannot."""

import os
import shutil
import socket
import threading

import pytest
from fake_driver import FakeDriver
from rtsp_process import RtspProcess, require_rtsp
from watched import Watched

from edgedet.runtime.camera import network_stream, opencv_capture
from edgedet.runtime.camera.live_source import CaptureWish, SourceLostError
from edgedet.runtime.camera.opening import open_live
from edgedet.runtime.camera.video_backends import FFMPEG, GSTREAMER, has_backend

cv2 = pytest.importorskip("cv2")
URI = "rtsp://user:geheim@h/x"


@pytest.fixture
def opened(monkeypatch):
    """A server that answers, and an OpenCV that opens everything."""
    driver = FakeDriver(cv2)
    monkeypatch.setattr(network_stream, "require_answer", lambda source: None)
    monkeypatch.setattr(network_stream, "has_backend", lambda cv2, name: name == FFMPEG)
    monkeypatch.setattr(cv2, "VideoCapture", driver)
    return driver


def test_ffmpeg_is_given_times_and_one_thread(opened, monkeypatch):
    for number, name in enumerate(("OPEN_TIMEOUT_MSEC", "READ_TIMEOUT_MSEC", "N_THREADS")):
        monkeypatch.setattr(cv2, "CAP_PROP_" + name, 50 + number, raising=False)
    open_live(URI, CaptureWish())
    assert opened.opened == (URI, cv2.CAP_FFMPEG, [50, 10000, 51, 10000, 52, 1])


def test_an_old_opencv_is_given_them_by_the_environment(opened, monkeypatch):
    for name in ("OPEN_TIMEOUT_MSEC", "READ_TIMEOUT_MSEC", "N_THREADS"):
        monkeypatch.delattr(cv2, "CAP_PROP_" + name, raising=False)
    monkeypatch.setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", "of the user")
    open_live(URI, CaptureWish())
    assert opened.opened == (URI, cv2.CAP_FFMPEG)
    assert os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] == "of the user"
    monkeypatch.delenv("OPENCV_FFMPEG_CAPTURE_OPTIONS")
    open_live(URI, CaptureWish())
    options = os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"]
    monkeypatch.setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", options)  # so that it goes with the test
    assert options == "rtsp_transport;tcp|stimeout;10000000"


def test_a_frame_that_a_decoder_kept_through_a_silence_is_not_new(opened, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(opencv_capture.time, "monotonic", lambda: now[0])
    source = open_live(URI, CaptureWish(silence_s=5.0))
    read = opened.read

    def after(silence_s):
        def late():
            now[0] += silence_s
            return read()

        return late

    opened.read = after(9.0)  # for the first frame it may take long
    assert source.read() is not None
    opened.read = after(4.0)
    assert source.read() is not None
    opened.read = after(9.0)
    with pytest.raises(SourceLostError) as caught:
        source.read()
    assert "geheim" not in str(caught.value)


def test_a_server_that_is_silent_keeps_no_other_camera_away(monkeypatch):
    """OpenCV opens one stream at a time: it must not be given one that does not answer."""
    monkeypatch.setattr(cv2, "VideoCapture", lambda *words: pytest.fail("given to OpenCV"))
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        uri = "rtsp://127.0.0.1:{}/x".format(server.getsockname()[1])
        with pytest.raises(SourceLostError, match="timed out"):
            open_live(uri, CaptureWish())


def test_a_server_is_not_told_the_password_before_it_asks():
    heard = []
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)

        def answer():
            connection, _ = server.accept()
            heard.append(connection.recv(1000))
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        uri = "rtsp://user:geheim@127.0.0.1:{}/x?a=b".format(server.getsockname()[1])
        with pytest.raises(SourceLostError, match="no answer"):
            open_live(uri, CaptureWish())
        thread.join(30)
    port = uri.split(":")[-1].split("/")[0]
    wanted = "OPTIONS rtsp://127.0.0.1:{}/x?a=b RTSP/1.0\r\nCSeq: 1\r\n\r\n".format(port)
    assert heard == [wanted.encode()]


def test_what_opencv_was_built_with():
    class Old:
        @staticmethod
        def getBuildInformation():  # noqa: N802 - OpenCV's name
            return "  Video I/O:\n    FFMPEG:      NO\n    GStreamer:      YES (1.14.5)\n"

    assert (has_backend(Old, FFMPEG), has_backend(Old, GSTREAMER)) == (False, True)
    assert has_backend(cv2, FFMPEG)


@pytest.mark.parametrize("encoder", ["h264", "jpeg"])
def test_without_ffmpeg_a_process_of_gstreamer_reads_it(monkeypatch, encoder):
    require_rtsp()
    if shutil.which("gst-launch-1.0") is None:
        pytest.skip("no gst-launch-1.0")
    monkeypatch.setattr(network_stream, "has_backend", lambda cv2, name: False)
    with RtspProcess(encoder=encoder) as server, Watched(server.uri) as camera:
        frames = camera.frames(10)
        assert frames[-1].image_bgr.shape == (240, 320, 3)
        assert camera.health.read().granted.startswith("320x240 RTSP")
        server.kill()
        port = server.port
        camera.wait_for("lost")
        with RtspProcess((640, 480), encoder, port):
            assert camera.frame().image_bgr.shape == (480, 640, 3)
