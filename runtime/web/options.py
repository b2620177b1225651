"""What the page of a running camera is told at its start."""

import ipaddress
from typing import NamedTuple, Tuple

from ..errors import UsageError

LOOPBACK, PORT = "127.0.0.1", 8080
LEAST_TOKEN = 12
"""Characters of a token that a user makes up."""


class WebOptions(NamedTuple):
    """Where the page is, who may see it, and what it may cost."""

    host: str = LOOPBACK
    """Address to listen on; any but a loopback one needs a token."""
    port: int = PORT
    """0: any that is free."""
    token: str = ""
    """What opens the page; empty: none on loopback, else one is made."""
    can_record: bool = False
    """Whether there is a recorder that the page may start and stop."""
    most_streams: int = 8
    """Live pictures that are sent at once, of all cameras to all clients."""
    most_fps: float = 20.0
    """Pictures a second of each camera."""
    most_side_px: int = 1280
    """Live pictures are scaled down to this; snapshots are not."""
    quality: int = 80
    """Of JPEG, 1..100."""


def parse_listen(text: str) -> Tuple[str, int]:
    """Return host and port of `HOST`, `:PORT`, `HOST:PORT` or `[IPV6]:PORT`.

    Without a host: all addresses of the machine. Raises UsageError.
    """
    host, colon, port = text.rpartition(":")
    if text.isdecimal():  # to a resolver `9000` is an address: 0.0.35.40
        fix = "write 127.0.0.1:{0}, or 0.0.0.0:{0} for other machines as well".format(text)
        raise UsageError("HOST:PORT to listen on", repr(text), fix)
    bare_ipv6 = ":" in host and not host.startswith("[")
    if not colon or bare_ipv6 or text.endswith("]"):
        host, port = text, str(PORT)
    if not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise UsageError("HOST:PORT to listen on", repr(text), "write it like 0.0.0.0:8080")
    return host.strip("[]") or "0.0.0.0", int(port)


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach the address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_token(token: str) -> None:
    """Raise UsageError for a token that is easy to guess or cannot stand in a URL."""
    fix = "give a longer one, or none: then one is made"
    if len(token) < LEAST_TOKEN:
        found = "{} characters".format(len(token))
        raise UsageError("a token of {} characters or more".format(LEAST_TOKEN), found, fix)
    if not all(sign.isalnum() or sign in "-._~" for sign in token) or not _is_ascii(token):
        raise UsageError("a token of letters, digits and -._~", "others", fix)


def _is_ascii(text: str) -> bool:
    return all(ord(sign) < 128 for sign in text)
