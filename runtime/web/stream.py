"""Live pictures as MJPEG: each client gets the newest when it is ready for one."""

import threading
from typing import Iterator, Set, Tuple

from .exchange import Parts
from .pictures import Pictures

BOUNDARY = "edgedet-picture"
KIND = "multipart/x-mixed-replace; boundary=" + BOUNDARY
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

    def __init__(self, pictures: Pictures, camera: str, viewers: Viewers) -> None:
        self._pictures = pictures
        self._camera = camera
        self._viewers = viewers

    def __iter__(self) -> Iterator[bytes]:
        yield "--{}\r\n".format(BOUNDARY).encode()
        version = 0
        last = b""
        while True:
            picture = self._pictures.after(self._camera, version, AGAIN_S)
            if picture is not None:
                version, last = picture.version, picture.jpeg
            elif self._pictures.closed or not last:
                return
            yield _part(last)

    def close(self) -> None:
        """Give the place to another client."""
        self._viewers.leave(self)


def _part(jpeg: bytes) -> bytes:
    # The next part's boundary comes at once: browsers show a picture when they have seen it.
    head = "Content-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n".format(len(jpeg))
    return head.encode() + jpeg + "\r\n--{}\r\n".format(BOUNDARY).encode()
