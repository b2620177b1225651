"""Live pictures as MJPEG: each client gets the newest when it is ready for one.

Chromium shows a picture when it has the headers of the next one. So a page gets those right behind
each picture, without a length that nobody knows yet; programs get the length.
"""

import threading
from typing import Iterator, Set, Tuple

from .exchange import Parts
from .pictures import Pictures

BOUNDARY = "edgedet-picture"
KIND = "multipart/x-mixed-replace; boundary=" + BOUNDARY
BEGIN = "--{}\r\n".format(BOUNDARY).encode()
HEAD = b"Content-Type: image/jpeg\r\n"
AGAIN_S = 5.0
"""Without a new picture the last one is sent again after so long: a client that has gone shows."""


class Viewers:
    """Who watches what; bounded."""

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._most = most
        self._there: Set[Tuple[object, str, str]] = set()

    def enter(self, key: object, viewer: str, camera: str) -> bool:
        """Take a place; False when all are taken."""
        with self._lock:
            if len(self._there) >= self._most:
                return False
            self._there.add((key, viewer, camera))
            return True

    def leave(self, key: object) -> None:
        """Give the place back; twice does no harm."""
        with self._lock:
            self._there = {place for place in self._there if place[0] is not key}

    def watched_by(self, viewer: str) -> Set[str]:
        """Return the cameras that are sent to who calls itself so."""
        with self._lock:
            return {camera for _, name, camera in self._there if name == viewer}

    def __len__(self) -> int:
        with self._lock:
            return len(self._there)


class Stream(Parts):
    """The pictures of one camera for one client."""

    def __init__(
        self, pictures: Pictures, camera: str, viewers: Viewers, *, for_page: bool = False
    ) -> None:
        """for_page: whether a browser shows them, so that each is to be seen at once."""
        self._pictures = pictures
        self._camera = camera
        self._viewers = viewers
        self._for_page = for_page

    def __iter__(self) -> Iterator[bytes]:
        yield BEGIN + (HEAD + b"\r\n" if self._for_page else b"")
        version = 0
        last = b""
        while True:
            picture = self._pictures.after(self._camera, version, AGAIN_S)
            if picture is not None:
                version, last = picture.version, picture.jpeg
            elif self._pictures.closed or not last:
                return
            yield _page_part(last) if self._for_page else _part(last)

    def close(self) -> None:
        """Give the place to another client."""
        self._viewers.leave(self)


def _part(jpeg: bytes) -> bytes:
    length = "Content-Length: {}\r\n\r\n".format(len(jpeg))
    return HEAD + length.encode() + jpeg + b"\r\n" + BEGIN


def _page_part(jpeg: bytes) -> bytes:
    return jpeg + b"\r\n" + BEGIN + HEAD + b"\r\n"
