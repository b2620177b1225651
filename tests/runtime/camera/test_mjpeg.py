"""Motion JPEG: out of bytes however they are cut, over HTTP from a real server, through a pipe."""

import base64
import hashlib
import os
import re
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn

import numpy as np
import pytest
from watched import Watched, held, settles_to

from edgedet.runtime import DataError, DeviceError
from edgedet.runtime.camera import mjpeg_stream
from edgedet.runtime.camera.health import LIVE, LOST
from edgedet.runtime.camera.jpeg_splitter import JpegSplitter
from edgedet.runtime.camera.live_source import CaptureWish, SourceLostError
from edgedet.runtime.camera.opening import open_live

cv2 = pytest.importorskip("cv2")
WISH = CaptureWish(silence_s=1.0)


def jpeg(value, size=(48, 64)):
    return cv2.imencode(".jpg", np.full(size + (3,), value, np.uint8))[1].tobytes()


def with_thumbnail(picture):
    """The picture with another one, whole, in a segment of its head."""
    thumbnail = jpeg(9, (8, 8))
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    return picture[:2] + segment + picture[2:]


NOISE = np.random.RandomState(0).randint(0, 256, (48, 64, 3)).astype(np.uint8)
PICTURES = [jpeg(10), with_thumbnail(jpeg(20)), cv2.imencode(".jpg", NOISE)[1].tobytes(), jpeg(30)]


@pytest.mark.parametrize("step", [1, 2, 3, 7, 100, 1 << 20])
@pytest.mark.parametrize("between", [b"", b"\r\n--b\r\nContent-Length: 5\r\n\r\n", b"\xff\xd8\x00"])
def test_pictures_are_whole_however_the_bytes_are_cut(step, between):
    stream = b"".join(between + picture for picture in PICTURES)
    splitter, found = JpegSplitter(), []
    for at in range(0, len(stream), step):
        found += splitter.feed(stream[at : at + step])
    assert found == PICTURES


def test_bytes_that_are_no_picture_do_not_pile_up(monkeypatch):
    splitter = JpegSplitter()
    assert splitter.feed(b"x" * 100000) == []
    assert len(splitter._held) < 3
    monkeypatch.setattr("edgedet.runtime.camera.jpeg_splitter.MOST_BYTES", 1000)
    assert splitter.feed(b"\xff\xd8\xff\xda" + b"x" * 2000) == []
    assert splitter.feed(PICTURES[0]) == PICTURES[:1]


class Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    allow_reuse_address = True


@pytest.fixture
def serve():
    """Start a server whose answers a function writes; returns its address without a scheme."""
    servers = []

    def start(answer, port=0):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # noqa: N802 - the name that the library calls
                with suppress(OSError):  # the client went away
                    answer(self)
                self.close_connection = True

            def log_message(self, *words):
                pass

        server = Server(("127.0.0.1", port), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def address(server, path="/video", user=""):
    return "http://{}127.0.0.1:{}{}".format(user, server.server_address[1], path)


def head(handler, kind="multipart/x-mixed-replace; boundary=b", **more):
    handler.send_response(200)
    handler.send_header("Content-Type", kind)
    for name, value in more.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


def part(picture):
    return b"--b\r\nContent-Type: image/jpeg\r\n\r\n" + picture + b"\r\n"


def stream(handler):
    head(handler)
    for number in range(10000):
        handler.wfile.write(part(jpeg(number % 256)))
        time.sleep(0.01)


def test_a_stream_by_http_is_read_and_leaves_nothing_behind(serve):
    server = serve(stream)
    before = held()
    with Watched(address(server), WISH) as camera:
        frames = camera.frames(20)
        assert camera.health.read().granted == "64x48 MJPG over HTTP"
        begin_s = time.monotonic()
    assert time.monotonic() - begin_s < 1.0  # long before silence_s would end the read
    values = [frame.image_bgr.mean() for frame in frames]
    assert values == sorted(values)
    assert settles_to(before)


def test_a_stream_in_chunks(serve):
    def answer(handler):
        head(handler, Transfer_Encoding="chunked")
        for number in range(50):
            data = part(jpeg(number))
            handler.wfile.write("{:x}\r\n".format(len(data)).encode() + data + b"\r\n")

    with open_live(address(serve(answer)), WISH) as source:
        assert source.read().shape == (48, 64, 3)


def test_the_newest_picture_is_taken_when_several_wait(serve):
    def answer(handler):
        head(handler)
        handler.wfile.write(b"".join(part(jpeg(value)) for value in (0, 100, 200)))
        time.sleep(5)

    with open_live(address(serve(answer)), WISH) as source:
        time.sleep(0.3)
        assert abs(source.read().mean() - 200) < 3


def test_a_damaged_picture_is_skipped(serve):
    def answer(handler):
        head(handler)
        for number in range(100):
            good = jpeg(number)
            handler.wfile.write(part(good[:20] + b"\xff\xda" + b"rubbish\xff\xd9"))
            time.sleep(0.02)
            handler.wfile.write(part(good))
            time.sleep(0.02)

    with open_live(address(serve(answer)), WISH) as source:
        assert [source.read().shape for _ in range(3)] == [(48, 64, 3)] * 3


def test_a_server_that_is_silent_is_lost(serve):
    def answer(handler):
        head(handler)
        handler.wfile.write(part(jpeg(1)))
        handler.wfile.flush()
        time.sleep(20)

    with open_live(address(serve(answer)), CaptureWish(silence_s=0.3)) as source:
        source.read()
        with pytest.raises(SourceLostError, match="timed out"):
            source.read()


def test_a_server_that_breaks_off_and_comes_back(serve):
    def answer(handler):
        head(handler)
        handler.wfile.write(part(jpeg(1)) * 3)

    with Watched(address(serve(answer)), WISH) as camera:
        camera.wait_for(LIVE)
        camera.wait_for(LOST)
        assert "broke off" in camera.health.read().trouble
        camera.wait_for(LIVE)


def with_password(handler):
    wanted = "Basic " + base64.b64encode(b"us er:ge@heim").decode()
    if handler.headers.get("Authorization") == wanted:
        return stream(handler)
    handler.send_response(401)
    handler.send_header("WWW-Authenticate", 'Basic realm="camera"')
    handler.send_header("Content-Length", "0")
    handler.end_headers()
    return None


def test_user_and_password_from_the_address(serve):
    server = serve(with_password)
    with open_live(address(server, user="us%20er:ge%40heim@"), WISH) as source:
        assert source.read().shape == (48, 64, 3)
    for user in ("", "us%20er:geheim@"):
        with Watched(address(server, user=user), WISH) as camera:
            error = camera.over()
        assert isinstance(error, DeviceError)
        assert not isinstance(error, SourceLostError)
        assert "refuses (401)" in str(error)
        assert "heim" not in str(error)


def with_digest(handler):
    """RFC 7616 with SHA-256, as new cameras want it; without its qop, which is as good here."""
    asked = dict(re.findall(r'(\w+)="([^"]*)"', handler.headers.get("Authorization", "")))
    first, second = (
        hashlib.sha256(text.encode()).hexdigest()
        for text in ("user:camera:geheim", "GET:" + handler.path)
    )
    wanted = hashlib.sha256("{}:abc:{}".format(first, second).encode()).hexdigest()
    if asked.get("response") == wanted:
        return stream(handler)
    handler.send_response(401)
    how = 'Digest realm="camera", nonce="abc", algorithm=SHA-256'
    handler.send_header("WWW-Authenticate", how)
    handler.end_headers()
    return None


def test_a_password_by_a_digest_of_sha_256(serve):
    server = serve(with_digest)
    with open_live(address(server, user="user:geheim@"), WISH) as source:
        assert source.read().shape == (48, 64, 3)
    for user in ("", "user:heim@"):
        with pytest.raises(DeviceError, match=r"refuses \(401\)"):
            open_live(address(server, user=user), WISH)


@pytest.mark.parametrize(
    "how",
    [
        'Digest realm="x", nonce="y"',
        'Bearer realm="x"',
        "NTLM",
        "",
        'Digest realm="x", algorithm=X',
    ],
)
@pytest.mark.parametrize("user", ["", "user:geheim@"])
def test_a_login_of_another_kind_is_told(serve, how, user):
    def answer(handler):
        handler.send_response(401)
        handler.send_header("WWW-Authenticate", how)
        handler.end_headers()

    with Watched(address(serve(answer), user=user), WISH) as camera:
        error = camera.over()
    assert isinstance(error, DeviceError)
    assert "geheim" not in str(error)


def test_letters_of_all_languages_in_a_path(serve):
    paths = []

    def answer(handler):
        paths.append(handler.path)
        stream(handler)

    with open_live(address(serve(answer), "/tür 1%2F2?a=ü&b=c d"), WISH) as source:
        assert source.read().shape == (48, 64, 3)
    assert paths == ["/t%C3%BCr%201%2F2?a=%C3%BC&b=c%20d"]


def test_a_server_that_sends_to_a_place_that_is_none(serve):
    def answer(handler):
        handler.send_response(302)
        handler.send_header("Location", "http://a..b/")
        handler.end_headers()

    with pytest.raises(SourceLostError):
        open_live(address(serve(answer)), WISH)


def test_what_is_not_there_is_waited_for(serve):
    server = serve(lambda handler: handler.send_error(404))
    with pytest.raises(SourceLostError, match="404 Not Found"):
        open_live(address(server), WISH)
    port = socket.socket()
    port.bind(("127.0.0.1", 0))
    number = port.getsockname()[1]
    port.close()
    with pytest.raises(SourceLostError, match="Connection refused"):
        open_live("http://127.0.0.1:{}/".format(number), WISH)


def test_another_form_goes_to_ffmpeg(serve, tmp_path):
    """A video file on a server."""
    path = tmp_path / "v.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25.0, (64, 48))
    for number in range(10):
        writer.write(np.full((48, 64, 3), 20 * number, np.uint8))
    writer.release()

    def answer(handler):
        data = path.read_bytes()
        head(handler, "video/mp4", Content_Length=str(len(data)))
        handler.wfile.write(data)

    with open_live(address(serve(answer), "/v.mp4"), WISH) as source:
        assert source.granted.form == "HTTP"
        assert source.read().shape == (48, 64, 3)


class Pipe:
    def __init__(self, descriptor):
        self._descriptor = descriptor

    def fileno(self):
        return self._descriptor

    def isatty(self):
        return False


@pytest.fixture
def stdin(monkeypatch):
    ours, theirs = os.pipe()
    monkeypatch.setattr(mjpeg_stream.sys, "stdin", Pipe(ours))
    yield theirs
    os.close(ours)


def test_a_pipe_that_ends_is_the_end(stdin):
    os.write(stdin, b"".join(PICTURES))
    os.close(stdin)
    with Watched("-", CaptureWish(fast=True)) as camera:
        frames = camera.rest()
    assert len(frames) == len(PICTURES)
    assert camera.capture.error is None


@pytest.mark.parametrize("written", [b"", b"no picture" * 1000, with_thumbnail(PICTURES[0])[:-40]])
def test_a_pipe_that_holds_no_picture_says_what_is_wanted(stdin, written):
    os.write(stdin, written)
    os.close(stdin)
    with Watched("-") as camera:
        until_ended(camera)
    assert "found its end; check what it holds; a pipe takes" in str(camera.capture.error)
    assert isinstance(camera.capture.error, DataError)


def test_a_pipe_that_was_silent_for_long_ends_all_the_same(stdin):
    os.write(stdin, b"".join(PICTURES))
    with Watched("-", WISH) as camera:
        camera.frame()
        camera.wait_for(LOST)
        os.close(stdin)
        until_ended(camera)
    assert camera.capture.error is None


def until_ended(camera):
    end_s = time.monotonic() + 60
    while not camera.capture.ended:
        assert time.monotonic() < end_s
        time.sleep(0.05)


def test_a_pipe_can_be_left(stdin):
    os.write(stdin, PICTURES[0])
    with Watched("-") as camera:
        camera.frame()
    assert camera.capture.ended
    os.close(stdin)
