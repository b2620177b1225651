"""Sizes from headers, EXIF rotation of images and boxes."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from label_files import coco_document, write_text
from PIL import Image, ImageOps

from edgedet.data.image_header import ORIENTATION_TAG, ImageHeader, read_header, rotate_boxes
from edgedet.data.opening import open_annotations
from edgedet.runtime.errors import DataError
from edgedet.runtime.images import read_image

STORED_HW = (60, 80)
BOX = (48, 8, 72, 24)
"""x1 y1 x2 y2 in the stored frame; multiples of 8, so that JPEG keeps its edges."""


def write_rotated(path: Path, orientation: int) -> Path:
    pixels = np.zeros((*STORED_HW, 3), np.uint8)
    x1, y1, x2, y2 = BOX
    pixels[y1:y2, x1:x2] = 255
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, exif=exif)
    return path


def white_box(image: np.ndarray) -> list[int]:
    rows, columns = np.nonzero(image[..., 0] > 127)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_header_says_what_the_reader_of_pixels_gives(
    tmp_path: Path, orientation: int, suffix: str
) -> None:
    path = write_rotated(tmp_path / f"a{suffix}", orientation)
    assert read_header(path).upright_hw == read_image(path).shape[:2]


@pytest.mark.parametrize("orientation", range(5, 9))
def test_boxes_turn_with_the_image(tmp_path: Path, orientation: int) -> None:
    path = write_rotated(tmp_path / "a.jpg", orientation)
    turned = rotate_boxes(np.array([BOX], float), read_header(path))[0].tolist()
    with Image.open(path) as image:
        assert turned == white_box(np.array(ImageOps.exif_transpose(image)))
    assert turned == white_box(cv2.imread(str(path)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_labels_of_the_stored_or_the_upright_frame(tmp_path: Path, orientation: int) -> None:
    """Whichever size the labels state, the box ends on the white pixels."""
    path = write_rotated(tmp_path / "images" / "a.jpg", orientation)
    upright = read_image(path)
    truth = white_box(upright)
    frames = {upright.shape[:2]: truth}
    if orientation >= 5:
        frames[STORED_HW] = list(BOX)
    for size_hw, box in frames.items():
        document = coco_document({"a": [(0, tuple(map(int, box)))]}, size_hw)
        document["images"][0]["file_name"] = "a.jpg"
        image = open_annotations(
            write_text(tmp_path / "annotations" / "all.json", json.dumps(document))
        ).images[0]
        assert image.size_hw == upright.shape[:2]
        assert image.boxes_xyxy[0].tolist() == truth


def test_any_other_size_is_refused(tmp_path: Path) -> None:
    write_rotated(tmp_path / "images" / "a.jpg", 6)
    document = coco_document({"a": []}, (61, 80))
    document["images"][0]["file_name"] = "a.jpg"
    path = write_text(tmp_path / "annotations" / "all.json", json.dumps(document))
    with pytest.raises(DataError, match="to be 80x61 pixels as .* found 60x80 pixels"):
        open_annotations(path)


@pytest.mark.parametrize("orientation", range(5, 9))
def test_rotation_keeps_boxes_inside_and_their_area(orientation: int) -> None:
    rng = np.random.default_rng(0)
    corners = np.sort(rng.uniform(0, [[80], [60]], (100, 2, 2)), axis=2)
    boxes = corners.transpose(0, 2, 1).reshape(-1, 4)
    turned = rotate_boxes(boxes, ImageHeader(STORED_HW, orientation))
    sides, turned_sides = boxes[:, 2:] - boxes[:, :2], turned[:, 2:] - turned[:, :2]
    np.testing.assert_allclose(turned_sides, sides[:, ::-1])
    assert (turned >= 0).all()
    assert (turned[:, 2:] <= (60, 80)).all()


def test_nonsense_in_the_tag_is_upright(tmp_path: Path) -> None:
    path = write_rotated(tmp_path / "a.jpg", 77)
    assert read_header(path).orientation == 1
