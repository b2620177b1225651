"""Text on pictures, in the font that comes with matplotlib: the same on every machine."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import ImageFont

if TYPE_CHECKING:
    from PIL import ImageDraw

Colour = tuple[int, int, int]


class Lettering:
    """Text of one size in pixels."""

    def __init__(self, size: int, bold: bool = False) -> None:
        self._font = _font(size, bold)

    def width(self, text: str) -> int:
        """Length of ``text`` in pixels."""
        return round(self._font.getlength(text))

    def write(
        self,
        pen: ImageDraw.ImageDraw,
        at_xy: tuple[int, int],
        text: str,
        colour: Colour,
        limit: int | None = None,
    ) -> int:
        """Write ``text``, shortened to ``limit`` pixels, and return where it ends (x)."""
        shown = text if limit is None else self.shortened(text, limit)
        pen.text(at_xy, shown, fill=colour, font=self._font)
        return at_xy[0] + self.width(shown)

    def shortened(self, text: str, limit: int) -> str:
        """``text`` with its middle cut out so that it takes at most ``limit`` pixels."""
        if self.width(text) <= limit:
            return text
        # Names of one data set differ at their ends.
        for kept in range(len(text) - 1, 0, -1):
            short = text[: kept // 2] + "…" + text[len(text) - (kept - kept // 2) :]
            if self.width(short) <= limit:
                return short
        return ""


@lru_cache(maxsize=16)
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)
