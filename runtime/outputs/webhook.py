"""Events by HTTP POST, as JSON."""

import json
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from ..errors import UsageError
from .event_queue import Event, EventTarget

TIMEOUT_S = 5.0


class Webhook(EventTarget):
    """Posts to one URL."""

    def __init__(self, url: str) -> None:
        """UsageError for anything but http and https."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            found = "{}://...".format(parts.scheme) if parts.scheme else "no address"
            raise UsageError("a webhook like https://host/path", found, "correct it")
        self._url = url
        self.name = "webhook {}".format(parts.hostname)
        """Without path and query: both may hold secrets."""

    def send(self, event: Event) -> None:
        """Post the event; OSError when it was not taken (any answer but 2xx)."""
        body = json.dumps(event, allow_nan=False).encode("utf-8")
        headers = {"Content-Type": "application/json", "User-Agent": "edgedet"}
        request = urllib.request.Request(self._url, body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                answer.read(1024)
        except urllib.error.HTTPError as error:
            raise OSError("the server answered {}".format(error.code)) from None
        except urllib.error.URLError as error:
            raise OSError(str(error.reason)) from None
