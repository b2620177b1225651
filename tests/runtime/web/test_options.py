"""Addresses to listen on."""

import pytest

from edgedet.runtime.errors import UsageError
from edgedet.runtime.web.options import is_loopback, parse_listen


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("0.0.0.0:8080", "0.0.0.0", 8080),
        ("192.168.1.2", "192.168.1.2", 8080),
        (":9000", "0.0.0.0", 9000),
        ("nano.local:80", "nano.local", 80),
        ("[::]:9000", "::", 9000),
        ("[::1]", "::1", 8080),
        ("::", "::", 8080),
        ("fe80::1", "fe80::1", 8080),
        ("localhost:0", "localhost", 0),
    ],
)
def test_addresses(text, host, port):
    assert parse_listen(text) == (host, port)


@pytest.mark.parametrize(
    "text", ["host:", "host:http", "host:-1", "host:65536", ":\xb2", "[::1]:x"]
)
def test_addresses_that_are_none(text):
    with pytest.raises(UsageError, match="HOST:PORT"):
        parse_listen(text)


def test_a_port_alone_is_no_host():
    """A resolver would take it for the address 0.0.35.40."""
    with pytest.raises(UsageError, match=r"write 127\.0\.0\.1:9000, or 0\.0\.0\.0:9000"):
        parse_listen("9000")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("Localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("10.0.0.1", False),
        ("nano.local", False),
        ("127.0.0.1.evil.example", False),
    ],
)
def test_who_reaches_an_address(host, loopback):
    assert is_loopback(host) is loopback
