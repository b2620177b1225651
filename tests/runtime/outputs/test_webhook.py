"""Events posted to a real server."""

import base64
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from edgedet.runtime.errors import UsageError
from edgedet.runtime.outputs.event_queue import EventRefusedError
from edgedet.runtime.outputs.webhook import Webhook


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):  # noqa: N802 - the name is http.server's
            length = int(self.headers["Content-Length"])
            self.server.got.append((self.path, dict(self.headers), self.rfile.read(length)))
            self.send_response(self.server.code)
            if self.server.code // 100 == 3:
                self.send_header("Location", "/moved?key=secret")
            self.end_headers()

        def do_GET(self):  # noqa: N802 - the name is http.server's
            self.server.got.append((self.path, dict(self.headers), b""))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *unused):
            pass

    found = HTTPServer(("127.0.0.1", 0), Handler)
    found.got, found.code = [], 204
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


def url_of(server):
    return "http://127.0.0.1:{}/hook?key=secret".format(server.server_port)


def test_an_event_arrives_as_json(server):
    hook = Webhook(url_of(server))
    hook.send({"event": "appeared", "class": "person"})
    ((path, headers, body),) = server.got
    assert path == "/hook?key=secret"
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body.decode()) == {"event": "appeared", "class": "person"}


@pytest.mark.parametrize("code", [400, 403, 500, 503])
def test_an_answer_that_is_no_yes(server, code):
    server.code = code
    with pytest.raises(OSError, match="answered {}".format(code)) as error:
        Webhook(url_of(server)).send({})
    assert "secret" not in str(error.value)
    assert isinstance(error.value, EventRefusedError) == (code == 400)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_an_event_is_not_taken_where_it_only_moved(server, code):
    """To follow would be a GET, without the event, and with the password for whoever is there."""
    server.code = code
    with pytest.raises(OSError, match="answered {}, which sends".format(code)) as error:
        Webhook(url_of(server).replace("//", "//me:secret@")).send({})
    assert "secret" not in str(error.value)
    assert len(server.got) == 1


def test_nobody_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="refused"):
            Webhook("http://127.0.0.1:{}/x".format(taken.getsockname()[1])).send({})


@pytest.mark.parametrize(
    "url",
    [
        "ftp://user:pw@a/b",
        "file:///etc/pw",
        "http://",
        "a.org/pw",
        "",
        "http://h:pw/x",
        "http://[pw",
        "http://a/p w",
    ],
)
def test_what_is_no_webhook(url):
    with pytest.raises(UsageError, match="a webhook like https") as raised:
        Webhook(url)
    assert "pw" not in str(raised.value)


def test_its_name_holds_no_secret():
    assert Webhook("https://user:pw@example.org/T0/secret?key=1").name == "webhook example.org"


def test_a_user_goes_into_a_header_and_stays_out_of_the_address(server):
    Webhook(url_of(server).replace("//", "//me:p%40ss@")).send({})
    ((path, headers, _),) = server.got
    assert path == "/hook?key=secret"
    assert base64.b64decode(headers["Authorization"].split()[1]) == b"me:p@ss"


@pytest.mark.parametrize("answer", [b"", b"secret\r\n", b"\0" * 99])
def test_an_answer_that_is_no_http(answer):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        thread = threading.Thread(target=answer_with, args=(server, answer))
        thread.start()
        hook = Webhook("http://127.0.0.1:{}/secret".format(server.getsockname()[1]))
        with pytest.raises(OSError) as raised:
            hook.send({})
        assert "secret" not in str(raised.value)
        thread.join()


def answer_with(server, answer):
    connection, _ = server.accept()
    connection.recv(1 << 16)
    connection.sendall(answer)
    connection.close()
