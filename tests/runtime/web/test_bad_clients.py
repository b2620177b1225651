"""Clients that are broken, slow, greedy or mean: the page goes on for the others."""

import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="the page draws with OpenCV")

from web_scene import pictures_of, scene  # noqa: E402

from edgedet.runtime.web import handler, request_reader  # noqa: E402

HOST = b"Host: localhost\r\n"


@pytest.fixture
def s():
    with scene() as made:
        made.show()
        yield made
        assert made.ask("/api/state")[0] == 200  # whatever was done to it


def until(true, within_s=10.0):
    deadline_s = time.monotonic() + within_s
    while not true() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    return true()


def send(s, content):
    """Return what comes back for these bytes."""
    with socket.create_connection(("127.0.0.1", s.port), timeout=10) as connection:
        try:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))
        except ConnectionError:
            return b""


def status_of(answer):
    return int(answer.split()[1])


def clients(s):
    return len(s.server._listener._connections)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"GET /\r\n\r\n", 400),  # HTTP/0.9
        (b"GET / HTTP/9.9\r\n\r\n", 505),
        (b"GET / HTTP/x\r\n\r\n", 400),
        (b"GET / / / HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # TLS
        (b"\x00" * 200 + b"\r\n\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /%ff%00 HTTP/1.1\r\n" + HOST + b"\r\n", 404),
        (b"GET / HTTP/1.1\r\n\r\n", 403),  # no Host
        (b"GET / HTTP/1.1\r\nno header\r\n\r\n", 403),
        (b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n", 405),
        (b"DELETE /api/state HTTP/1.1\r\n" + HOST + b"\r\n", 405),
        (b"GET /api/confidence HTTP/1.1\r\n" + HOST + b"\r\n", 405),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 20000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: 1\r\n" * 150 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"A" * 10000000, 431),
        (b"POST /api/confidence HTTP/1.1\r\n" + HOST + b"Content-Length: 2000\r\n\r\n", 413),
        (b"POST /api/confidence HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", 400),
        (b"POST /api/confidence HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    ],
)
def test_malformed_requests_are_answered_and_forgotten(s, content, status):
    answer = send(s, content)
    # A client that floods may be cut off before it reads why.
    assert (len(content) > 100000 and not answer) or status_of(answer) == status
    assert b"Traceback" not in answer
    assert until(lambda: clients(s) == 0)


def test_random_bytes(s):
    rng = np.random.RandomState(0)
    for _ in range(100):
        send(s, rng.bytes(rng.randint(1, 400)) + b"\r\n\r\n")
    assert until(lambda: clients(s) == 0)


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/..%2f..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/page.js/../server.py",
        "/server.py",
        "/__init__.py",
        "/page.html",
        "/stream/../camera.mjpg",
        "/snapshot/%2e%2e%2fcamera.jpg",
        "/snapshot/.jpg",
        "/stream/.mjpg",
        "/stream/other.mjpg",
        "/snapshot/camera.jpg/",
        "/stream/camera.jpg",
        "\\..\\..\\windows",
    ],
)
def test_there_is_no_way_to_other_files(s, path):
    status, _, body = s.ask(path)
    assert (status, body) == (404, b"There is nothing at this address.\n")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "1",
        "null",
        "{}",
        '{"confidence": null}',
        '{"confidence": true}',
        '{"confidence": "0.5"}',
        '{"confidence": 1.01}',
        '{"confidence": -0.01}',
        '{"confidence": NaN}',
        '{"confidence": Infinity}',
        '{"confidence": 1e999}',
        "[" * 1000,
        "\xff",
    ],
)
def test_values_that_are_none(s, body):
    headers = {"Content-Type": "application/json", "X-Edgedet": "1"}
    status, _, told = s.ask("/api/confidence", "POST", body.encode("latin-1"), headers)
    assert status == 400
    assert told.startswith(b'Send {"confidence": NUMBER}')
    assert s.controls.confidence == 0.25


def test_without_a_recorder_nothing_pretends_to_record(s):
    assert s.post("/api/recording", {"recording": True})[0] == 400
    assert not s.controls.recording


def test_a_request_that_trickles_is_cut_off(s, monkeypatch):
    monkeypatch.setattr(request_reader, "READ_S", 0.4)
    with socket.create_connection(("127.0.0.1", s.port), timeout=10) as connection:
        began_s = time.monotonic()
        with pytest.raises(OSError):  # noqa: PT012 - it is cut off at one of many bytes
            for _ in range(200):
                connection.sendall(b"G")
                time.sleep(0.05)
        assert time.monotonic() - began_s < 8
    assert until(lambda: clients(s) == 0)


def test_hundreds_that_never_finish_their_request_keep_nobody_out(s):
    idle = []
    for _ in range(200):
        idle.append(socket.create_connection(("127.0.0.1", s.port), timeout=10))
        idle[-1].sendall(b"GET / HT")
    began_s = time.monotonic()
    assert [s.ask("/api/state")[0] for _ in range(5)] == [200] * 5
    assert time.monotonic() - began_s < request_reader.READ_S
    assert clients(s) <= 64
    for connection in idle:
        connection.close()


def test_fifty_clients_at_once(s):
    s.keep_showing()
    threads_before = threading.active_count()
    statuses, watching = [], threading.Event()

    def visit(number):
        connection = s.connect(timeout_s=20)
        connection.request("GET", "/stream/camera.mjpg")
        answer = connection.getresponse()
        statuses.append(answer.status)
        if answer.status == 200:
            assert len(list(pictures_of(answer, 2))) == 2
            watching.wait(10)
        else:
            statuses.append((answer.getheader("Retry-After"), answer.read()))
        connection.close()

    visitors = [threading.Thread(target=visit, args=(number,)) for number in range(50)]
    for visitor in visitors:
        visitor.start()
    assert until(lambda: len(statuses) >= 50 + 42)
    assert threading.active_count() - threads_before - 50 <= 64
    assert statuses.count(200) == 8
    refused = ("2", b"All 8 live pictures are taken; close one or come back later.\n")
    assert statuses.count(refused) == 42
    watching.set()
    for visitor in visitors:
        visitor.join()
    # The places are free again as soon as the next pictures find nobody.
    assert until(lambda: len(s.server._site._viewers) == 0)
    assert s.ask("/snapshot/camera.jpg?live")[0] == 200


def test_one_that_never_reads_is_dropped_and_the_others_see_all(s, monkeypatch):
    monkeypatch.setattr(handler, "SEND_S", 0.7)
    s.keep_showing(size_hw=(480, 640), noise=True)
    sleeper = socket.socket()
    sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sleeper.connect(("127.0.0.1", s.port))
    sleeper.sendall(b"GET /stream/camera.mjpg?viewer=sleeper HTTP/1.1\r\n" + HOST + b"\r\n")
    assert until(lambda: s.server._site._viewers.watched_by("sleeper") == {"camera"})
    connection = s.connect()
    connection.request("GET", "/stream/camera.mjpg")
    numbers = [len(jpeg) for jpeg in pictures_of(connection.getresponse(), 10)]
    assert len(numbers) == 10
    assert until(lambda: not s.server._site._viewers.watched_by("sleeper"))
    connection.close()
    sleeper.close()


def test_a_slow_one_gets_the_newest_not_all(s, monkeypatch):
    """It takes five pictures a second of a hundred: what it gets does not fall behind."""
    numbered = lambda one: ("%9d" % one.frame.number).encode() + b" " * 300000  # noqa: E731
    monkeypatch.setattr(s.server._site.pictures, "_encode", numbered)
    s.keep_showing(every_s=0.01)
    slow = s.connect()
    slow.sock = socket.socket()
    slow.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    slow.sock.connect(("127.0.0.1", s.port))
    slow.request("GET", "/stream/camera.mjpg")
    lags = []
    for picture in pictures_of(slow.getresponse(), 12):
        time.sleep(0.2)
        lags.append(s.server._site.pictures.newest("camera").frame.number - int(picture[:9]))
    slow.close()
    # Each picture that waits in the system's buffers stands for a fifth of a second.
    assert max(lags) < 5 * 20
    assert max(lags[-3:]) < 2 * max(lags[3:6])


def test_many_visits_leave_nothing_behind(s):
    def held():
        folder = Path("/proc/self/fd")
        return len(list(folder.iterdir())) if folder.is_dir() else 0

    def visit():
        connection = s.connect()
        connection.request("GET", "/stream/camera.mjpg")
        connection.getresponse().read(10)
        connection.close()
        s.ask("/")
        send(s, b"\r\n\r\n")

    s.keep_showing()
    visit()
    assert until(lambda: clients(s) == 0)
    before, threads = held(), threading.active_count()
    for _ in range(40):
        visit()
    assert until(lambda: clients(s) == 0)
    assert until(lambda: held() <= before)
    assert until(lambda: threading.active_count() <= threads)


def test_a_frame_that_cannot_be_drawn_ends_one_stream_not_the_page(s, caplog):
    connection = s.connect()
    connection.request("GET", "/stream/camera.mjpg")
    pictures = pictures_of(connection.getresponse(), 2)
    next(pictures)
    s.show(1, labels=[99])  # no such class
    assert until(lambda: "the web page failed to answer" in caplog.text)
    s.show(2)
    assert s.ask("/snapshot/camera.jpg?live")[0] == 200


def test_closing_takes_under_two_seconds_whatever_clients_do():
    with scene() as s:
        s.keep_showing(size_hw=(480, 640), noise=True)
        sockets = [socket.create_connection(("127.0.0.1", s.port)) for _ in range(12)]
        for number, connection in enumerate(sockets):
            if number % 2:
                connection.sendall(b"GET /stream/camera.mjpg HTTP/1.1\r\n" + HOST + b"\r\n")
        assert until(lambda: len(s.server._site._viewers) == 6)
        s.pause()
        began_s = time.monotonic()
        s.server.close()
        assert time.monotonic() - began_s < 2
        s.server.close()
        assert clients(s) == 0
        left = [thread.name for thread in threading.enumerate() if thread.name.startswith("web")]
        assert left == []
        with scene(port=s.port) as again:  # at once, on the same port
            again.show()
            assert again.ask("/api/state")[0] == 200
        for connection in sockets:
            connection.close()
