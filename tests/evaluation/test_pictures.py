"""The curves and the picture sheet: there, whole, and of what they should show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_cases import annotated, found, labelled, random_case
from PIL import Image

from edgedet.data.annotations import Annotations
from edgedet.evaluation.coco import evaluate
from edgedet.evaluation.curves import write_curves
from edgedet.evaluation.cut import report_cut
from edgedet.evaluation.lettering import Lettering
from edgedet.evaluation.sheet import choose_images, write_sheet
from edgedet.evaluation.tile import COLOURS, TILE_WIDTH, Tile, draw_tile
from edgedet.runtime.detections import Detections

HIT, MISS, ALARM = [20, 40, 90, 110], [120, 40, 180, 100], [60, 140, 120, 190]


def one_of_each() -> tuple[Annotations, list[Detections]]:
    annotations = annotated(labelled([HIT, MISS], [0, 0]))
    return annotations, [found([HIT, ALARM], [0.9, 0.8], [0, 0])]


def on_disk(annotations: Annotations, folder: Path) -> Annotations:
    images = []
    for index, image in enumerate(annotations.images):
        path = folder / f"{index}.png"
        Image.new("RGB", image.size_hw[::-1], (90, 90, 90)).save(path)
        images.append(replace(image, path=path))
    return replace(annotations, images=tuple(images))


def test_a_tile_shows_hits_green_misses_orange_and_false_alarms_red() -> None:
    annotations, detections = one_of_each()
    matches = evaluate(annotations, detections).matches
    grey = np.full((200, 200, 3), 90, np.uint8)
    tile = Tile(grey, annotations.images[0], detections[0], matches[0], annotations.class_names)
    picture = draw_tile(tile, 0.3)
    scale = TILE_WIDTH / 200
    for kind, box in (("hit", HIT), ("miss", MISS), ("false alarm", ALARM)):
        # The middle of the lower edge: no label lies there.
        x, y = round((box[0] + box[2]) / 2 * scale), round(box[3] * scale)
        near = {picture.getpixel((x, y + d)) for d in (-2, -1, 0)}
        assert COLOURS[kind] in near, kind
    assert picture.getpixel((5, 100)) == (90, 90, 90)


@pytest.mark.parametrize("size_hw", [(1000, 10), (10, 1000), (3, 3), (2000, 3000)])
def test_a_tile_keeps_its_width_for_any_image(size_hw: tuple[int, int]) -> None:
    annotations = annotated(labelled([], []))
    matches = evaluate(annotations, [Detections.empty()]).matches
    image = np.zeros((*size_hw, 3), np.uint8)
    tile = Tile(image, annotations.images[0], Detections.empty(), matches[0], ("class 0",))
    assert draw_tile(tile, 0.3).width == TILE_WIDTH


def test_the_sheet_takes_the_most_errors_and_then_typical_images() -> None:
    box = [0, 0, 40, 40]
    annotations = annotated(*[labelled([box], [0])] * 30)
    alarms = [[float(x), 100, x + 10.0, 110] for x in range(0, 150, 15)]
    detections = [
        found([box, *alarms[: i % 10]], np.linspace(0.9, 0.5, 1 + i % 10), [0] * (1 + i % 10))
        for i in range(30)
    ]
    worst, typical = choose_images(evaluate(annotations, detections).matches, 0.3)
    assert worst.images == (9, 19, 29, 8, 18, 28, 7, 17)
    assert {i % 10 for i in typical.images} <= {4, 5}
    assert not set(worst.images) & set(typical.images)


def test_without_errors_only_typical_images_are_shown() -> None:
    annotations = annotated(*[labelled([], [])] * 3)
    sections = choose_images(evaluate(annotations, [Detections.empty()] * 3).matches, 0.3)
    assert [section.images for section in sections] == [(0, 1, 2)]


@pytest.mark.parametrize("images", [1, 5, 15])
def test_a_sheet_is_a_whole_jpeg(tmp_path: Path, images: int) -> None:
    annotations, detections = random_case(3, images=images)
    annotations = on_disk(annotations, tmp_path)
    matches = evaluate(annotations, detections).matches
    path = tmp_path / "sheet.jpg"
    write_sheet(path, annotations, detections, matches, 0.3, "a title " * 40)
    with Image.open(path) as sheet:
        sheet.load()
        assert sheet.format == "JPEG"


@pytest.mark.parametrize("classes", [1, 3, 12])
@pytest.mark.parametrize("seed", [1, 2])
def test_curves_are_a_whole_png(tmp_path: Path, classes: int, seed: int) -> None:
    annotations, detections = random_case(seed, images=8, classes=classes)
    evaluation = evaluate(annotations, detections)
    path = tmp_path / "curves.png"
    write_curves(path, evaluation, report_cut(annotations, detections, evaluation), "$title_")
    with Image.open(path) as picture:
        picture.load()
        assert picture.width > 1000


def test_names_are_text_and_never_mathematics(tmp_path: Path) -> None:
    annotations, detections = random_case(1)
    annotations = replace(annotations, class_names=("$x_{$", "_b$", "[red]"))
    write_curves(tmp_path / "curves.png", evaluate(annotations, detections), title="$x_{$")
    assert (tmp_path / "curves.png").is_file()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("boxes", [[], [HIT]])
def test_curves_of_nothing_are_drawn_without_a_warning(
    tmp_path: Path, boxes: list[list[int]]
) -> None:
    annotations = annotated(labelled(boxes, [0] * len(boxes)))
    evaluation = evaluate(annotations, [Detections.empty()])
    cut = report_cut(annotations, [Detections.empty()], evaluation)
    write_curves(tmp_path / "curves.png", evaluation, cut)


def test_a_long_text_loses_its_middle() -> None:
    lettering = Lettering(13)
    text = "a_very_long_name_of_a_picture_number_0042.jpg"
    short = lettering.shortened(text, 150)
    assert lettering.width(short) <= 150
    assert short.startswith("a_very")
    assert short.endswith("0042.jpg")
    assert lettering.shortened("short.jpg", 150) == "short.jpg"
    assert lettering.shortened(text, 1) == ""
