"""Streams by HTTP: Motion JPEG read here, all else by OpenCV's FFmpeg."""

import hashlib
import os
import socket
import string
from http.client import HTTPException, HTTPResponse
from typing import Any, Optional, Tuple
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from urllib.request import (
    HTTPBasicAuthHandler,
    HTTPDigestAuthHandler,
    HTTPPasswordMgrWithDefaultRealm,
    build_opener,
)

from ..errors import DeviceError
from .live_source import LiveSource, SourceLostError
from .mjpeg_stream import ByteStream, MjpegStream
from .network_stream import open_by_ffmpeg, require_answer
from .source_uri import SourceUri

MOST_BYTES = 1 << 20
"""That are read at once."""
PASSWORD_WANTED = (401, 403)
_FIX = "check its power, the network and the path"


def open_http(source: SourceUri) -> LiveSource:
    """Open a stream by HTTP or HTTPS; user and password may stand in the address.

    SourceLostError when it does not come; DeviceError when the server refuses user and password.
    """
    require_answer(source)
    response = _request(source)
    if response.headers.get_content_maintype() == "multipart":
        return MjpegStream(source, ResponseBytes(response), "MJPG over HTTP", ends=False)
    response.close()
    return open_by_ffmpeg(source, "HTTP")


class ResponseBytes(ByteStream):
    """The body of an answer."""

    def __init__(self, response: HTTPResponse) -> None:
        self._response = response
        # The connection once more: the answer lets nobody at it while another thread reads.
        self._socket = socket.socket(fileno=os.dup(response.fileno()))

    def read(self) -> Optional[bytes]:
        """Return what came, see ByteStream."""
        try:
            return self._response.read1(MOST_BYTES) or None
        except (HTTPException, ValueError) as error:
            raise OSError(type(error).__name__) from error

    def interrupt(self) -> None:
        """End the connection under the reader."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is over already

    def close(self) -> None:
        """Release both."""
        self._response.close()
        self._socket.close()


class _Digest(HTTPDigestAuthHandler):
    """With the SHA-256 of RFC 7616 as well, which new cameras ask for."""

    def get_algorithm_impls(self, algorithm: str) -> Any:
        """Return the digest of a text, and that of a secret with data."""
        if algorithm != "SHA-256":
            return super().get_algorithm_impls(algorithm)

        def digest(text: str) -> str:
            return hashlib.sha256(text.encode("ascii")).hexdigest()

        return digest, lambda secret, data: digest("{}:{}".format(secret, data))


def _request(source: SourceUri) -> HTTPResponse:
    address, user, password = _without_user(source.target)
    passwords = HTTPPasswordMgrWithDefaultRealm()
    if user is not None:
        passwords.add_password(None, address, user, password or "")
    opener = build_opener(HTTPBasicAuthHandler(passwords), _Digest(passwords))
    try:
        return opener.open(address, timeout=source.wish.silence_s)  # type: ignore[no-any-return]
    except HTTPError as error:
        if error.fp is not None:  # as of a digest that was refused, in older Pythons
            error.close()
        raise _refusal(source, error) from error
    except (OSError, HTTPException, UnicodeError) as error:  # URLError is an OSError
        reason = getattr(error, "reason", error)
        found = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
        raise SourceLostError("a stream at " + source.shown, found, _FIX) from error
    except ValueError as error:  # of handlers, for a login of a kind that they do not know
        raise _no_permission(source, 401, "set its login to Basic or Digest") from error


def _refusal(source: SourceUri, error: HTTPError) -> DeviceError:
    if error.code in PASSWORD_WANTED:
        return _no_permission(source, error.code, "check user and password")
    found = "the answer {} {}".format(error.code, error.reason)
    return SourceLostError("a stream at " + source.shown, found, _FIX)


def _no_permission(source: SourceUri, code: int, fix: str) -> DeviceError:
    """fix: where user and password were given."""
    if urlsplit(source.target).username is None:
        fix = "write user and password into the address: http://user:password@..."
    found = "a server that refuses ({})".format(code)
    return DeviceError("permission to see " + source.shown, found, fix)


def _without_user(address: str) -> Tuple[str, Optional[str], Optional[str]]:
    parts = urlsplit(address)
    path, query = (quote(part, safe=string.punctuation) for part in (parts.path, parts.query))
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], path=path, query=query)
    user = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    return urlunsplit(bare), user, password
