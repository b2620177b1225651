"""Takes connections and gives each a thread, as many as there is room for."""

import logging
import socket
import threading
import time
from http.server import HTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any, Tuple

from ..errors import UsageError
from .connections import Connections
from .handler import Handler

if TYPE_CHECKING:
    from .access import Access
    from .options import WebOptions
    from .site import Site

LOG = logging.getLogger("edgedet.web")
MOST_OTHERS = 56
"""Connections besides the live pictures; each has a thread, most of them for a millisecond."""
POLL_S = 0.1
CLOSE_S = 1.5
NO_DESCRIPTOR_S = 0.05
FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nConnection: close\r\n\r\n"


class Listener(HTTPServer):
    """`http.server` with bounds; `ThreadingHTTPServer` has none, and is not in Python 3.6."""

    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, options: "WebOptions", access: "Access", site: "Site") -> None:
        """Listen, from now on; UsageError for an address that cannot be had."""
        self.access = access
        self.site = site
        self._connections = Connections(MOST_OTHERS + options.most_streams)
        address = (options.host, options.port)
        try:
            self.address_family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
            super().__init__(address, Handler)
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that can be none
            expected = "an address to listen on"
            reason = getattr(error, "strerror", None) or error
            found = "{}:{} ({})".format(options.host, options.port, reason)
            raise UsageError(expected, found, "choose another port or host") from error
        access.bind(self.server_port)  # before the first who asks
        self._thread = threading.Thread(
            target=self.serve_forever, args=(POLL_S,), name="web", daemon=True
        )
        self._thread.start()

    def server_bind(self) -> None:
        """Bind, without the look-up of the machine's name in between that HTTPServer does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def get_request(self) -> Tuple[socket.socket, Any]:
        """Accept one; without descriptors left: after a while, as the loop would spin."""
        try:
            return self.socket.accept()
        except OSError:
            time.sleep(NO_DESCRIPTOR_S)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, or turn it away."""
        if not self._connections.admit(request):
            self._turn_away(request)
            return
        try:
            threading.Thread(
                target=self._serve, args=(request, client_address), name="web client", daemon=True
            ).start()
        except RuntimeError:  # no more threads in this process
            self._connections.leave(request)
            self._turn_away(request)

    def busy(self, connection: socket.socket) -> None:
        """Note that the request of a connection was read."""
        self._connections.busy(connection)

    def close(self) -> None:
        """End all within two seconds."""
        self.shutdown()
        self._thread.join(CLOSE_S)
        self.server_close()
        self._connections.cut_all()
        if not self._connections.wait_empty(CLOSE_S):
            LOG.warning("%d clients of the web page did not end", len(self._connections))

    def _serve(self, connection: socket.socket, address: Any) -> None:
        try:
            self.finish_request(connection, address)
        except OSError:  # gone, too slow, or cut off
            pass
        except Exception:
            LOG.exception("the web page failed to answer")
        finally:
            self.shutdown_request(connection)
            self._connections.leave(connection)

    def _turn_away(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        try:
            connection.send(FULL)
        except OSError:
            pass
        self.shutdown_request(connection)
