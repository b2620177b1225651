"""Pascal VOC XML."""

from pathlib import Path

import numpy as np
import pytest
from label_files import voc_object, voc_page, write_image, write_text, write_voc

from edgedet.data.opening import open_annotations
from edgedet.runtime.errors import DataError

LABELS = {"a": [(0, (0, 0, 40, 30)), (2, (10, 20, 30, 25))], "b": []}
BOX = (4, 5, 14, 25)


@pytest.mark.parametrize("home", ["VOC2007", "VOCdevkit/VOC2012"])
def test_sub_folders(tmp_path: Path, home: str) -> None:
    write_voc(tmp_path / home, LABELS)
    assert open_annotations(tmp_path, "train").counts().tolist() == [1, 1]


def test_classes_are_those_of_all_splits(tmp_path: Path) -> None:
    write_voc(tmp_path, LABELS, "train")
    write_voc(tmp_path, {"c": [(1, BOX)]}, "val")
    train, val = (open_annotations(tmp_path, split) for split in ("train", "val"))
    assert train.class_names == val.class_names == ("cat", "dog", "owl")
    assert val.images[0].labels.tolist() == [1]


def test_first_pixel_is_number_one(tmp_path: Path) -> None:
    """xmin = xmax = 1 is the first column of pixels: the interval [0, 1]."""
    write_voc(tmp_path, {"a": [(0, (0, 0, 1, 1))]})
    text = (tmp_path / "Annotations" / "a.xml").read_text()
    assert "<xmin>1</xmin>" in text
    assert "<xmax>1</xmax>" in text
    boxes = open_annotations(tmp_path, "train").images[0].boxes_xyxy
    assert boxes.tolist() == [[0, 0, 1, 1]]


def test_difficult_is_ignored_and_fractions_are_read(tmp_path: Path) -> None:
    write_voc(tmp_path, {"a": []})
    text = voc_object("cat", BOX, difficult=1) + voc_object("cat", (1.5, 2.25, 3, 4))
    write_text(tmp_path / "Annotations" / "a.xml", voc_page("a", text))
    image = open_annotations(tmp_path, "train").images[0]
    assert image.ignored.tolist() == [True, False]
    np.testing.assert_allclose(image.boxes_xyxy[1], (1.5, 2.25, 3, 4))


def test_size_may_be_absent_or_zero(tmp_path: Path) -> None:
    write_voc(tmp_path, LABELS)
    write_text(tmp_path / "Annotations" / "a.xml", voc_page("a", "", (0, 0)))
    write_text(tmp_path / "Annotations" / "b.xml", "<annotation></annotation>")
    assert [image.size_hw for image in open_annotations(tmp_path).images] == [(60, 80)] * 2


@pytest.mark.parametrize("content", [None, ""])
def test_missing_and_empty_labels_are_background(tmp_path: Path, content: str | None) -> None:
    write_voc(tmp_path, LABELS)
    page = tmp_path / "Annotations" / "a.xml"
    page.unlink()
    if content is not None:
        page.write_text(content)
    assert open_annotations(tmp_path).counts().sum() == 0


BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><annotation>&b;</annotation>'
OUTSIDE = '<!DOCTYPE x SYSTEM "file:///etc/passwd"><annotation/>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation><object>", "no element found: line 1"),
        (BOMB, "a document type x"),
        (OUTSIDE, "a document type x"),
        ('<?xml version="1.0" encoding="klingon"?><a/>', "klingon"),
        (voc_page("a", "<object><name>cat</name></object>"), "cat, no bndbox"),
        (voc_page("a", "<object><bndbox/></object>"), "no name, bndbox"),
        (voc_page("a", voc_object("cat", BOX).replace("14", "wide")), "<xmax> of .*'wide'"),
        (voc_page("a", voc_object("cat", BOX).replace("14", "inf")), "<xmax> of"),
        (voc_page("a", voc_object("cat", (4, 5, 4, 25))), "without width.*object 1 of"),
        (voc_page("a", "", (60, 81)), "81x60 pixels as .*a.xml says, found 80x60"),
    ],
)
def test_wrong_xml(tmp_path: Path, text: str, message: str) -> None:
    write_voc(tmp_path, LABELS)
    path = write_text(tmp_path / "Annotations" / "a.xml", text)
    with pytest.raises(DataError, match=message) as caught:
        open_annotations(tmp_path, "train")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_image_is_found_by_file_name_or_stem(tmp_path: Path) -> None:
    write_voc(tmp_path, LABELS)
    (tmp_path / "JPEGImages" / "a.png").unlink()
    write_image(tmp_path / "JPEGImages" / "a.JPG")
    assert len(open_annotations(tmp_path).images) == 2
    (tmp_path / "JPEGImages" / "a.JPG").unlink()
    with pytest.raises(DataError, match=r"image a\.png named by .*train\.txt"):
        open_annotations(tmp_path)
