"""Events by HTTP POST, as JSON."""

import base64
import http.client
import json
import urllib.error
import urllib.request
from typing import Any, Optional
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from ..errors import UsageError
from .event_queue import Event, EventRefusedError, EventTarget

TIMEOUT_S = 5.0
REFUSED = (400, 413, 415, 422)
"""Answers that are about the event itself, not about whoever sends it."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nobody to another address: it would be a GET there, without the event, but with the
    password.
    """

    def redirect_request(self, *unused: Any) -> None:
        """Return that there is nothing to follow: the answer becomes an error."""
        return


class Webhook(EventTarget):
    """Posts to one URL."""

    def __init__(self, url: str) -> None:
        """url: may hold `user:password@`. UsageError for anything but http and https."""
        parts = parsed_url(url)
        plain = all("!" <= sign <= "~" for sign in url)  # as http.client wants it
        if not (plain and parts and parts.scheme in ("http", "https") and parts.hostname):
            # Not the URL: path and query may hold secrets.
            raise UsageError("a webhook like https://host/path", "another form", "correct it")
        self._url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        self._headers = {"Content-Type": "application/json", "User-Agent": "edgedet"}
        if parts.username is not None:
            self._headers["Authorization"] = _basic(parts.username, parts.password or "")
        self._opener = urllib.request.build_opener(_Stay)
        self.name = "webhook {}".format(parts.hostname)

    def send(self, event: Event) -> None:
        """Post the event; OSError when it was not taken (any answer but 2xx)."""
        body = json.dumps(event, allow_nan=False).encode("utf-8")
        request = urllib.request.Request(self._url, body, self._headers, method="POST")
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                answer.read(1024)
        except urllib.error.HTTPError as error:
            moved = ", which sends to another address" if error.code // 100 == 3 else ""
            kind = EventRefusedError if error.code in REFUSED else OSError
            raise kind("the server answered {}{}".format(error.code, moved)) from None
        except urllib.error.URLError as error:
            raise OSError(str(error.reason)) from None
        except http.client.HTTPException as error:  # its text may hold the path
            raise OSError("no answer of HTTP ({})".format(type(error).__name__)) from None


def parsed_url(url: str) -> Optional[SplitResult]:
    """Return the parts of a URL; None for a text that is none."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises ValueError for one that is no number
    except ValueError:
        return None
    return parts


def _basic(user: str, password: str) -> str:
    """Return the header of a user (RFC 7617)."""
    words = "{}:{}".format(unquote(user), unquote(password)).encode("utf-8")
    return "Basic " + base64.b64encode(words).decode("ascii")
