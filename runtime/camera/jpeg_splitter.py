"""Whole JPEGs out of a stream of bytes, whatever stands between them."""

from typing import List, Optional

from ..images import start_of_scan

BEGIN, END = b"\xff\xd8\xff", b"\xff\xd9"
MOST_BYTES = 64 << 20
"""A picture that is longer is none, and would fill the memory."""


class JpegSplitter:
    """Takes bytes as they come.

    The headers of a multipart stream are skipped as anything else is: servers are often wrong about
    lengths and boundaries, and a JPEG tells its own beginning and end.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._searched = 0
        """How far there is no end in what is held; 0 before the scan was found."""

    def feed(self, part: bytes) -> List[bytes]:
        """Return the pictures that are complete with this part, oldest first."""
        self._held += part
        pictures = []
        picture = self._cut_out()
        while picture is not None:
            pictures.append(picture)
            picture = self._cut_out()
        if len(self._held) > MOST_BYTES:
            self._drop(len(self._held))
        return pictures

    def _cut_out(self) -> Optional[bytes]:
        if not self._searched:
            begin = self._held.find(BEGIN)
            if begin < 0:
                self._drop(max(0, len(self._held) - len(BEGIN) + 1))
                return None
            self._drop(begin)
            scan = start_of_scan(self._held)
            if scan + 4 > len(self._held):  # its segments have not all come yet
                return None
            self._searched = scan
        end = self._held.find(END, self._searched)
        if end < 0:
            self._searched = max(self._searched, len(self._held) - 1)
            return None
        picture = bytes(self._held[: end + len(END)])
        self._drop(end + len(END))
        return picture

    def _drop(self, count: int) -> None:
        del self._held[:count]
        self._searched = 0
