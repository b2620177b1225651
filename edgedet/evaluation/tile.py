"""One image of the picture sheet with its hits, misses and false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from edgedet.evaluation.lettering import Colour, Lettering

if TYPE_CHECKING:
    from edgedet.data.annotations import LabelledImage
    from edgedet.evaluation.matches import Matches
    from edgedet.runtime.detections import Detections

TILE_WIDTH = 480
CAPTION_HEIGHT = 34
LARGEST_ASPECT = 1.5
"""Height over width; a taller image is shown smaller, so that it does not stretch its row."""
MOST_TAGS = 24
"""Labels on one tile: with more, the picture under them is gone."""
COLOURS: dict[str, Colour] = {
    "hit": (46, 204, 64),
    "miss": (255, 149, 0),
    "false alarm": (255, 45, 60),
}
CAPTION_PAPER = (32, 35, 41)
CAPTION_INK = (235, 237, 240)


@dataclass(frozen=True)
class Tile:
    """What is drawn: an image, what is in it, and what was found."""

    image_rgb: NDArray[np.uint8]
    labelled: LabelledImage
    detections: Detections
    matches: Matches
    class_names: tuple[str, ...]


def draw_tile(tile: Tile, cut: float) -> Image.Image:
    """Return a picture `TILE_WIDTH` wide: the image with its boxes over a caption."""
    shown, scale = _fit(tile.image_rgb)
    pen = ImageDraw.Draw(shown)
    found = tile.detections
    hits, false_alarms = tile.matches.hits(cut), tile.matches.false_alarms(cut)
    misses = tile.matches.misses(cut)
    # Errors last: they lie on top.
    _boxes(pen, found.boxes_xyxy[hits] * scale, "hit")
    _boxes(pen, tile.labelled.boxes_xyxy[misses] * scale, "miss")
    _boxes(pen, found.boxes_xyxy[false_alarms] * scale, "false alarm")
    _Tags(shown).put(_tags(tile, false_alarms, misses, scale))
    counts = {"hit": hits.sum(), "miss": misses.sum(), "false alarm": false_alarms.sum()}
    return _with_caption(shown, tile.labelled.path.name, counts)


def _fit(image_rgb: NDArray[np.uint8]) -> tuple[Image.Image, float]:
    """The image on a tile and the factor from its pixels to those of the tile."""
    height, width = image_rgb.shape[:2]
    scale = min(TILE_WIDTH / width, TILE_WIDTH * LARGEST_ASPECT / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = Image.fromarray(np.ascontiguousarray(image_rgb))
    smoothing = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC
    return picture.resize(size, smoothing), scale


def _boxes(pen: ImageDraw.ImageDraw, boxes_xyxy: NDArray[np.float32], kind: str) -> None:
    """Outlines with a dark rim, to be seen on leaves as well as on sky."""
    width = 2 if kind == "hit" else 3
    for left, top, right, bottom in boxes_xyxy.tolist():
        corners = (left, top, max(left, right), max(top, bottom))
        rim = (corners[0] - 1, corners[1] - 1, corners[2] + 1, corners[3] + 1)
        pen.rectangle(rim, outline=(0, 0, 0), width=1)
        pen.rectangle(corners, outline=COLOURS[kind], width=width)


def _tags(
    tile: Tile, false_alarms: NDArray[np.bool_], misses: NDArray[np.bool_], scale: float
) -> list[_Tag]:
    """Scores of the false alarms, best first, then the classes of the misses if there are several.

    A single class needs no name.
    """
    names, found, labelled = tile.class_names, tile.detections, tile.labelled
    many = len(names) > 1
    tags = [
        _Tag("false alarm", f"{names[label]} {score:.2f}" if many else f"{score:.2f}", *corner)
        for corner, score, label in zip(
            (found.boxes_xyxy[false_alarms, :2] * scale).tolist(),
            found.scores[false_alarms].tolist(),
            found.labels[false_alarms].tolist(),
            strict=True,
        )
    ]
    corners = (labelled.boxes_xyxy[misses, :2] * scale).tolist() if many else []
    labels = labelled.labels[misses].tolist() if many else []
    pairs = zip(corners, labels, strict=True)
    return tags + [_Tag("miss", names[label], *corner) for corner, label in pairs]


class _Tag(NamedTuple):
    kind: str
    text: str
    left: float
    """Left end of the box's upper edge, pixels of the tile."""
    top: float


class _Tags:
    """Labels above boxes, moved to stay inside the picture; one that would hide another or
    crowd the picture is left out."""

    LETTERING = 11
    HEIGHT = 14

    def __init__(self, picture: Image.Image) -> None:
        self._pen = ImageDraw.Draw(picture)
        self._size_wh = picture.size
        self._free = np.ones((picture.height, picture.width), dtype=bool)
        self._lettering = Lettering(self.LETTERING, bold=True)

    def put(self, tags: Sequence[_Tag]) -> None:
        """Draw ``tags``; the first have the right of way."""
        for tag in tags[:MOST_TAGS]:
            self._put(tag)

    def _put(self, tag: _Tag) -> None:
        width = self._lettering.width(tag.text) + 6
        left = max(0, min(round(tag.left), self._size_wh[0] - width))
        top = max(0, round(tag.top) - self.HEIGHT)
        place = (slice(top, top + self.HEIGHT), slice(left, left + width))
        if not self._free[place].all():
            return
        self._free[place] = False
        corners = (left, top, left + width - 1, top + self.HEIGHT - 1)
        self._pen.rectangle(corners, fill=COLOURS[tag.kind])
        ink = (255, 255, 255) if tag.kind == "false alarm" else (0, 0, 0)
        self._lettering.write(self._pen, (left + 3, top), tag.text, ink)


def _with_caption(shown: Image.Image, name: str, counts: dict[str, int]) -> Image.Image:
    """The picture, centred, over a bar with its file name and counts in their colours."""
    tile = Image.new("RGB", (TILE_WIDTH, shown.height + CAPTION_HEIGHT), CAPTION_PAPER)
    tile.paste(shown, ((TILE_WIDTH - shown.width) // 2, 0))
    pen = ImageDraw.Draw(tile)
    y = shown.height + 8
    bold, plain = Lettering(15, bold=True), Lettering(13)
    texts = {kind: str(int(count)) for kind, count in counts.items()}
    x = TILE_WIDTH - 12 - sum(bold.width(text) + 14 for text in texts.values())
    plain.write(pen, (12, y + 1), name, CAPTION_INK, limit=x - 24)
    for kind, text in texts.items():
        x = bold.write(pen, (x + 14, y), text, COLOURS[kind])
    return tile
