"""What can be trained on but is probably not meant: warnings and notes."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from clean_data import (
    FORMATS,
    add_object,
    check,
    edit_coco,
    image_of,
    label_file_of,
    labels,
    only,
    picture,
    write_clean,
)
from label_files import Box, voc_page, write_text, write_voc
from PIL import Image

from edgedet.data.image_header import ORIENTATION_TAG


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("box", "severity", "excess"),
    [((72, 50, 80.5, 58), "note", "0.5"), ((70, 50, 90, 58), "warning", "10")],
)
def test_box_over_the_edge(name: str, box: Box, severity: str, excess: str, tmp_path: Path) -> None:
    folder = write_clean(tmp_path, name)
    add_object(folder, name, 0, (72, 50, 80.25, 58), "train1")
    add_object(folder, name, 0, box)
    finding = only(check(folder), "box-over-edge")
    assert (finding.severity, finding.count) == (severity, 2)
    assert finding.what == f"2 boxes partly outside the image, by up to {excess} px"
    # The worst first.
    assert "train0.png" in finding.examples[0].where
    assert finding.examples[1].where.endswith("by 0.25 px")


def test_rounding_is_no_overhang(tmp_path: Path) -> None:
    folder = write_clean(tmp_path, "coco")
    add_object(folder, "coco", 0, (72, 50, 80.02, 58))
    assert check(folder).findings == ()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"imgsz": 30, "resize": "stretch"}, "0.94 x 0.75 px"),
        ({"imgsz": 24, "resize": "letterbox"}, "0.75 x 0.45 px"),
    ],
)
def test_box_that_the_network_cannot_see(
    options: dict[str, object], told: str, tmp_path: Path
) -> None:
    folder = write_clean(tmp_path, "coco")
    add_object(folder, "coco", 0, (60, 50, 62.5, 51.5))
    finding = only(check(folder, **options), "box-vanishes")
    assert (finding.severity, finding.count) == ("warning", 1)
    assert told in finding.examples[0].where


@pytest.mark.parametrize("name", FORMATS)
def test_box_twice(name: str, tmp_path: Path) -> None:
    folder = write_clean(tmp_path, name)
    box = (20, 35, 60, 55)
    add_object(folder, name, 0, box)
    add_object(folder, name, 1, box)
    assert check(folder).findings == ()
    add_object(folder, name, 1, (20.2, 35.2, 60, 55))
    add_object(folder, name, 1, box)
    finding = only(check(folder), "duplicate-box")
    assert (finding.severity, finding.count) == ("warning", 2)


def test_classes_with_no_and_with_few_objects(tmp_path: Path) -> None:
    folder = write_clean(tmp_path, "coco")

    def thin(document: dict) -> None:
        kept = [item for item in document["annotations"] if item["category_id"] != 21]
        dogs = [item for item in kept if item["category_id"] == 14]
        document["annotations"] = [item for item in kept if item not in dogs[9:]]

    edit_coco(folder, thin)
    absent, rare = check(folder).findings
    assert (absent.code, absent.severity, absent.count) == ("absent-class", "warning", 1)
    assert [place.where for place in absent.examples] == ["train: owl 0"]
    assert (rare.code, rare.severity, rare.count) == ("rare-class", "warning", 1)
    assert [place.where for place in rare.examples] == ["train: dog 9"]
    assert check(folder).auto_weights == {"cat": 1, "dog": 15 / 9, "owl": 1}


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda categories: categories[0].update(name="eagle"), "by different names"),
        (lambda categories: categories.pop(0), "by different names"),
        (lambda categories: [item.update(id=28 - item["id"]) for item in categories], "order"),
    ],
)
def test_classes_of_the_splits_differ(edit: object, told: str, tmp_path: Path) -> None:
    folder = write_clean(tmp_path, "coco")

    def change(document: dict) -> None:
        document["annotations"] = [
            item for item in document["annotations"] if item["category_id"] != 21
        ]
        edit(document["categories"])

    edit_coco(folder, change, "val")
    mismatch = check(folder).findings[0]
    assert (mismatch.code, mismatch.severity) == ("class-mismatch", "error")
    assert told in mismatch.what
    assert mismatch.examples[0].where == "train: cat, dog, owl"


@pytest.mark.parametrize("name", FORMATS)
def test_images_without_objects(name: str, tmp_path: Path) -> None:
    folder = write_clean(tmp_path, name)
    if name == "coco":
        first = 10
        edit_coco(
            folder,
            lambda document: document.update(
                annotations=[a for a in document["annotations"] if a["image_id"] != first]
            ),
        )
    elif name == "voc":
        write_text(label_file_of(folder, "train0"), voc_page("train0", ""))
    else:
        label_file_of(folder, "train0").unlink()
    finding = only(check(folder), "background-image")
    assert (finding.severity, finding.count) == ("note", 1)
    assert finding.examples[0].file.endswith("train0.png")


@pytest.mark.parametrize("name", ["yolo", "visdrone"])
def test_labels_without_an_image(name: str, tmp_path: Path) -> None:
    folder = write_clean(tmp_path, name)
    image_of(folder, "train3").unlink()
    write_text(label_file_of(folder, "train0").with_name("classes.txt"), "cat")
    finding = only(check(folder), "label-without-image")
    assert (finding.severity, finding.count) == ("warning", 1)
    assert finding.examples[0].file.endswith("train3.txt")


def turn(path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    Image.open(path).save(path, exif=exif)


def test_exif_rotation(tmp_path: Path) -> None:
    """Labels that state 80x60 fit the stored frame of an image that is shown as 60x80."""
    folder = write_clean(tmp_path, "voc")
    turn(image_of(folder, "train0"), 6)
    turn(image_of(folder, "train1"), 3)
    cv2.imwrite(str(image_of(folder, "train2")), picture(60, (80, 60)))
    turn(image_of(folder, "train2"), 8)
    finding = only(check(folder), "exif-rotation")
    assert (finding.severity, finding.count) == ("note", 3)
    assert "1 fit the stored frame" in finding.what
    assert "1 fit both frames" in finding.what
    assert "1 fit the upright frame" in finding.what
    assert finding.examples[0].where == "orientation 6"


def test_exif_rotation_where_no_size_is_stated(tmp_path: Path) -> None:
    folder = write_clean(tmp_path, "yolo")
    turn(image_of(folder, "val0"), 5)
    assert "1 say no frame" in only(check(folder), "exif-rotation").what


def test_ignored_objects_are_left_in_peace(tmp_path: Path) -> None:
    """A crowd may repeat, leave the image, and be as thin as it likes."""
    folder = tmp_path
    write_clean(folder, "coco")
    for box in ((20, 35, 60, 55), (20, 35, 60, 55), (70, 35, 95, 50), (1, 50, 1.1, 50.1)):
        add_object(folder, "coco", 0, box)
    edit_coco(folder, lambda document: [a.update(iscrowd=1) for a in document["annotations"][-4:]])
    assert check(folder).findings == ()


def test_voc_lists_that_overlap(tmp_path: Path) -> None:
    """The same stem in train and val is one file in both splits."""
    folder = write_clean(tmp_path, "voc")
    names = ["train0", *labels("val", 3)]
    write_text(folder / "ImageSets" / "Main" / "val.txt", "\n".join(names))
    finding = only(check(folder), "shared-image")
    assert finding.examples[0].where == "val, listed in train as well"


def test_flat_images_are_no_near_duplicates(tmp_path: Path) -> None:
    """Nothing is seen in them, so nothing is alike."""
    write_voc(tmp_path, labels("train", 3))
    for grey, path in enumerate(sorted(tmp_path.rglob("*.png"))):
        cv2.imwrite(str(path), np.full((60, 80, 3), 50 + 20 * grey, np.uint8))
    assert check(tmp_path).findings == ()
