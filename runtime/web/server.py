"""The page of running cameras: live pictures, counts, graphs, and what can be changed."""

import socket
from typing import TYPE_CHECKING

from ..camera.output import Output
from .access import Access
from .listener import Listener
from .options import WebOptions, is_loopback
from .site import Site

if TYPE_CHECKING:
    from ..camera.scene import Scene
    from ..camera.seen import Seen

ANYWHERE = ("0.0.0.0", "::")
# Of a documentation network (RFC 5737): the system says from which of its addresses it would reach
# it, and nothing is sent.
FAR_AWAY = ("192.0.2.1", 9)


class WebServer(Output):
    """Serves from its construction on, until it is closed."""

    name = "web page"

    def __init__(
        self,
        options: WebOptions,
        scene: "Scene",
    ) -> None:
        """Raises UsageError for an address that cannot be had or a weak token; DeviceError without
        OpenCV.
        """
        self._options = options
        self._access = Access(options.host, options.token)
        self._site = Site(options, scene)
        self._listener = Listener(options, self._access, self._site)
        self._closed = False

    @property
    def port(self) -> int:
        """The one that it listens on."""
        return self._listener.server_port

    @property
    def address(self) -> str:
        """Return the URL without its token: fit for a log."""
        host = _reachable(self._options.host)
        return "http://{}:{}/".format("[{}]".format(host) if ":" in host else host, self.port)

    @property
    def link(self) -> str:
        """Return the URL that opens the page, with the token where one is needed: for the user's
        eyes, once, and never for a log.
        """
        token = self._access.token
        return self.address + ("?token=" + token if token else "")

    def put(self, seen: "Seen") -> None:
        """Keep the newest frame of its camera; cheap, whoever watches."""
        self._site.pictures.put(seen)

    def close(self) -> None:
        """End it within two seconds, whatever its clients do."""
        if not self._closed:
            self._closed = True
            self._site.pictures.close()
            self._listener.close()


def _reachable(host: str) -> str:
    """Return an address to write into a browser."""
    if is_loopback(host) or host not in ANYWHERE:
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(FAR_AWAY)
            return str(probe.getsockname()[0])
        except OSError:  # no network at all
            return socket.gethostname()
