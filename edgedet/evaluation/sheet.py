"""A sheet of pictures: what the detector found, missed and made up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from edgedet.evaluation.lettering import Lettering
from edgedet.evaluation.tile import COLOURS, TILE_WIDTH, Tile, draw_tile
from edgedet.runtime.atomic import atomic_path
from edgedet.runtime.images import read_image

if TYPE_CHECKING:
    from edgedet.data.annotations import Annotations
    from edgedet.evaluation.matches import Matches
    from edgedet.runtime.detections import Detections

COLUMNS = 4
WORST_ROWS = 2
TYPICAL_ROWS = 1
GAP = 14
MARGIN = 28
HEAD_HEIGHT = 104
SECTION_HEIGHT = 46
PAPER = (250, 250, 248)
INK = (43, 47, 54)
SOFT = (110, 116, 125)
JPEG_QUALITY = 90


@dataclass(frozen=True)
class Section:
    """A heading and the images below it."""

    heading: str
    images: tuple[int, ...]
    """Indices into `Annotations.images`."""


def choose_images(matches: Sequence[Matches], cut: float) -> tuple[Section, ...]:
    """The images with the most errors, then typical ones: those nearest to the median.

    Equal counts keep the order of the data, so the same results give the same sheet.
    """
    errors = np.array([match.errors(cut) for match in matches], dtype=np.int64)
    order = np.argsort(-errors, kind="stable")
    worst = [int(i) for i in order[: COLUMNS * WORST_ROWS] if errors[i] > 0]
    rest = np.array([i for i in range(len(matches)) if i not in set(worst)], dtype=np.int64)
    away = np.abs(errors[rest] - np.median(errors)) if len(rest) else np.zeros(0)
    typical = rest[np.argsort(away, kind="stable")][: COLUMNS * TYPICAL_ROWS]
    sections = (
        Section("Most errors", tuple(worst)),
        Section("Typical: nearest to the median number of errors", tuple(typical.tolist())),
    )
    return tuple(section for section in sections if section.images)


def write_sheet(
    path: Path,
    annotations: Annotations,
    detections: Sequence[Detections],
    matches: Sequence[Matches],
    cut: float,
    title: str = "",
) -> None:
    """Write the sheet to ``path`` as a JPEG. Detections with a score above ``cut`` are shown."""
    rows: list[Image.Image] = []
    for section in choose_images(matches, cut):
        rows.append(_section_row(section.heading))
        tiles = [
            draw_tile(_tile(annotations, detections, matches, index), cut)
            for index in section.images
        ]
        rows += [_tile_row(tiles[i : i + COLUMNS]) for i in range(0, len(tiles), COLUMNS)]
    sheet = _stack([_head(matches, cut, title), *rows])
    # Without colour subsampling: thin coloured lines stay bright.
    with atomic_path(path) as temporary:
        sheet.save(temporary, format="JPEG", quality=JPEG_QUALITY, subsampling=0)


def _tile(
    annotations: Annotations,
    detections: Sequence[Detections],
    matches: Sequence[Matches],
    index: int,
) -> Tile:
    labelled = annotations.images[index]
    image_bgr = read_image(labelled.path)
    return Tile(
        image_rgb=image_bgr[..., ::-1],
        labelled=labelled,
        detections=detections[index],
        matches=matches[index],
        class_names=annotations.class_names,
    )


def _width() -> int:
    return 2 * MARGIN + COLUMNS * TILE_WIDTH + (COLUMNS - 1) * GAP


def _head(matches: Sequence[Matches], cut: float, title: str) -> Image.Image:
    """Title, and a legend that also gives the counts over all images, not only those shown."""
    head = Image.new("RGB", (_width(), HEAD_HEIGHT), PAPER)
    pen = ImageDraw.Draw(head)
    Lettering(28, bold=True).write(pen, (MARGIN, 18), title, INK, _width() - 2 * MARGIN)
    x, y = MARGIN, 66
    for kind, text in _legend_texts(matches, cut):
        pen.rectangle((x, y + 2, x + 22, y + 20), outline=COLOURS[kind], width=4)
        x = Lettering(18).write(pen, (x + 32, y), text, INK) + 36
    note = f"over all {len(matches)} images, detections with score > {cut:g}, IoU 0.5"
    Lettering(18).write(pen, (x, y), note, SOFT, _width() - MARGIN - x)
    return head


def _legend_texts(matches: Sequence[Matches], cut: float) -> tuple[tuple[str, str], ...]:
    hits = sum(int(match.hits(cut).sum()) for match in matches)
    misses = sum(int(match.misses(cut).sum()) for match in matches)
    false_alarms = sum(int(match.false_alarms(cut).sum()) for match in matches)
    return (
        ("hit", f"{hits} hits"),
        ("miss", f"{misses} missed objects"),
        ("false alarm", f"{false_alarms} false alarms"),
    )


def _section_row(heading: str) -> Image.Image:
    row = Image.new("RGB", (_width(), SECTION_HEIGHT), PAPER)
    Lettering(20, bold=True).write(ImageDraw.Draw(row), (MARGIN, 12), heading, INK)
    return row


def _tile_row(tiles: Sequence[Image.Image]) -> Image.Image:
    height = max(tile.height for tile in tiles)
    row = Image.new("RGB", (_width(), height + GAP), PAPER)
    for column, tile in enumerate(tiles):
        row.paste(tile, (MARGIN + column * (TILE_WIDTH + GAP), 0))
    return row


def _stack(rows: Sequence[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (_width(), sum(row.height for row in rows) + MARGIN // 2), PAPER)
    y = 0
    for row in rows:
        sheet.paste(row, (0, y))
        y += row.height
    return sheet
