"""One connection, one request: read within limits, let in or not, answered."""

import http.client
import io
import logging
import socket
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Optional
from urllib.parse import parse_qsl, unquote, urlsplit

from .exchange import Answer, Request, text_answer
from .request_reader import BODY_BYTES, LINE_BYTES, RequestReader, TooLargeError, read_away

if TYPE_CHECKING:
    from .listener import Listener

LOG = logging.getLogger("edgedet.web")
SEND_S = 5.0
"""A client that takes nothing for so long is dropped."""
SEND_BUFFER_BYTES = 1 << 18
"""What the system may hold of pictures on their way: more would be old ones on a slow line."""
OPEN_TO_ALL = "/healthz"
SECURITY = (
    ("Cache-Control", "no-store"),
    (
        "Content-Security-Policy",
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
)


class Handler(BaseHTTPRequestHandler):
    """Of one connection."""

    server: "Listener"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Bound what is read and what waits to be sent."""
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        super().setup()
        self.rfile = io.BufferedReader(RequestReader(self.connection))

    def handle(self) -> None:
        """Answer one request; the connection ends with it, so that none holds a thread idle."""
        self.close_connection = True
        try:
            request = self._read()
        except TooLargeError:
            self.send_error(431)
            return
        except ValueError:  # of a URL or a header that is none
            self.send_error(400)
            return
        if request is not None:
            self.server.busy(self.connection)
            self._send(self._answer(request))

    def send_error(
        self, code: int, message: Optional[str] = None, explain: Optional[str] = None
    ) -> None:
        """Refuse a request that was not read whole; what it says is not repeated."""
        self.request_version = self.protocol_version
        if not getattr(self, "command", None):
            self.command = ""
        self._send(text_answer(code, http.client.responses.get(code, "Refused")))
        read_away(self.connection)

    def version_string(self) -> str:
        """Name no versions."""
        return "edgedet"

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """As `log_message`."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Stay silent: what the library would log holds the query, and a token may be in it."""

    def _read(self) -> Optional[Request]:
        """Read the request; None for one that is refused already, or that never came."""
        self.command = ""
        self.raw_requestline = self.rfile.readline(LINE_BYTES + 1)
        if len(self.raw_requestline) > LINE_BYTES:
            self.send_error(414)
            return None
        if not self.raw_requestline or not self.parse_request():
            return None
        if self.request_version == "HTTP/0.9":
            self.send_error(400)
            return None
        body = self._read_body()
        if body is None:
            return None
        target = urlsplit(self.path)
        query = dict(parse_qsl(target.query, keep_blank_values=True))
        return Request(self.command, unquote(target.path), query, self.headers, body)

    def _read_body(self) -> Optional[bytes]:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers:
            self.send_error(411)
            return None
        if not (length.isdigit() and len(length) < 10):
            self.send_error(400)
            return None
        if int(length) > BODY_BYTES:
            self.send_error(413)
            return None
        return self.rfile.read(int(length))

    def _answer(self, request: Request) -> Answer:
        turned_away = None
        if request.path != OPEN_TO_ALL:
            turned_away = self.server.access.turned_away(request)
        answer = turned_away or self.server.site.answer(request)
        LOG.debug("%s %.100r: %d", request.method, request.path, answer.status)
        return answer

    def _send(self, answer: Answer) -> None:
        self.connection.settimeout(SEND_S)
        try:
            self._send_head(answer)
            if self.command == "HEAD":
                return
            if answer.parts is None:
                self.wfile.write(answer.body)
                return
            for part in answer.parts:
                self.connection.sendall(part)  # its timeout is that of the whole part
        finally:
            if answer.parts is not None:
                answer.parts.close()

    def _send_head(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        if answer.parts is None:
            self.send_header("Content-Length", str(len(answer.body)))
        for name, value in SECURITY + answer.headers:
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
