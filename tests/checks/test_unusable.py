"""What training would refuse: each is an error, and all are told at once."""

from pathlib import Path

import cv2
import pytest
from clean_data import (
    FORMATS,
    add_line,
    add_object,
    check,
    edit_coco,
    image_of,
    label_file_of,
    only,
    picture,
    write_clean,
)
from label_files import voc_page, write_text

from edgedet.data.opening import open_annotations
from edgedet.runtime.errors import DataError

TEXT = ("yolo", "visdrone")


def assert_training_refuses(folder: Path) -> None:
    with pytest.raises(DataError):
        open_annotations(folder, "train")


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("content", [b"", b"no image at all", b"\x89PNG\r\n\x1a\n and no more"])
def test_no_image(name: str, content: bytes, tmp_path: Path) -> None:
    folder = write_clean(tmp_path, name)
    path = image_of(folder, "train1")
    path.write_bytes(content)
    finding = only(check(folder), "corrupt-image")
    assert finding.severity == "error"
    assert (finding.count, Path(finding.examples[0].file)) == (1, path.relative_to(folder))
    assert_training_refuses(folder)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_pixels_cut_short(name: str, suffix: str, tmp_path: Path) -> None:
    """The header is whole: only decoding can tell."""
    folder = write_clean(tmp_path, name)
    for stem in ("train1", "val3"):
        data = cv2.imencode(suffix, picture(77))[1].tobytes()
        image_of(folder, stem).write_bytes(data[: len(data) * 2 // 3])
    assert len(open_annotations(folder, "train").images) == 5
    assert only(check(folder), "corrupt-image").count == 2


@pytest.mark.parametrize("name", ["coco", "voc"])
def test_listed_image_is_missing(name: str, tmp_path: Path) -> None:
    folder = write_clean(tmp_path, name)
    for stem in ("train0", "val4"):
        image_of(folder, stem).unlink()
    finding = only(check(folder), "missing-image")
    assert [place.where for place in finding.examples] == ["train0.png", "val4.png"]
    assert_training_refuses(folder)


def test_image_of_a_yolo_list_is_missing(tmp_path: Path) -> None:
    folder = write_clean(tmp_path, "yolo")
    stems = "\n".join(f"images/train/train{number}.png" for number in range(7))
    write_text(folder / "train.txt", stems)
    yaml = (folder / "data.yaml").read_text()
    write_text(folder / "data.yaml", yaml.replace("train: images/train", "train: train.txt"))
    finding = only(check(folder), "missing-image")
    assert [place.file for place in finding.examples] == [
        f"images/train/train{number}.png" for number in (5, 6)
    ]


@pytest.mark.parametrize("name", ["coco", "voc"])
def test_image_has_another_size_than_stated(name: str, tmp_path: Path) -> None:
    folder = write_clean(tmp_path, name)
    cv2.imwrite(str(image_of(folder, "val2")), picture(50, (61, 80)))
    finding = only(check(folder), "wrong-size")
    assert "80x60 pixels" in finding.examples[0].where
    assert "found 80x61 pixels" in finding.examples[0].where


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("box", "code"),
    [((81, 10, 95, 20), "box-outside"), ((10, 10, 10, 20), "box-without-area")],
)
def test_boxes_that_are_none(
    name: str, box: tuple[int, int, int, int], code: str, tmp_path: Path
) -> None:
    if name == "yolo" and code == "box-outside":
        box = (80, 20, 80.08, 30)  # further out a YOLO line is not a line of its format
    folder = write_clean(tmp_path, name)
    add_object(folder, name, 0, box)
    add_object(folder, name, 1, box)
    finding = only(check(folder), code)
    assert (finding.severity, finding.count) == ("error", 2)
    assert all("train0.png" in place.where for place in finding.examples)
    assert_training_refuses(folder)


@pytest.mark.parametrize(
    ("name", "line", "code", "told"),
    [
        ("yolo", "9 .5 .5 .1 .1", "unknown-class", "line 10, found 9"),
        ("yolo", "0.5 .5 .5 .1 .1", "unknown-class", "line 10, found 0.5"),
        ("yolo", "0 .5 .5 .1", "wrong-record", "line 10, found 4 numbers: '0 .5 .5 .1'"),
        ("yolo", "0 .5 .5 .1 x", "wrong-record", "line 10, found '0 .5 .5 .1 x'"),
        ("yolo", "0 40 30 20 10", "wrong-record", "line 10"),
        ("visdrone", "1,1,5,5,1,12,0,0", "unknown-class", "line 31"),
        ("visdrone", "1,1,5,5,1,4,0", "wrong-record", "line 31"),
    ],
)
def test_lines(name: str, line: str, code: str, told: str, tmp_path: Path) -> None:
    folder = write_clean(tmp_path, name)
    path = label_file_of(folder, "train0")
    add_line(path, line)
    finding = only(check(folder), code)
    assert finding.examples[0].file == str(path.relative_to(folder))
    assert finding.examples[0].where.startswith(told)
    assert_training_refuses(folder)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("bbox", [1, 2, 3], "wrong-record"),
        ("bbox", [1, 2, float("nan"), 4], "box-without-area"),
        ("category_id", "cat", "wrong-record"),
        ("category_id", 5, "unknown-class"),
        ("image_id", 999, "unknown-image"),
    ],
)
def test_coco_annotations(field: str, value: object, code: str, tmp_path: Path) -> None:
    folder = write_clean(tmp_path, "coco")
    edit_coco(folder, lambda document: document["annotations"][7].update({field: value}))
    finding = only(check(folder), code)
    assert finding.count == 1
    assert finding.examples[0].where.startswith("annotation 8")
    assert_training_refuses(folder)


def test_coco_images(tmp_path: Path) -> None:
    """What belongs to an image that cannot be used is not blamed for it."""
    folder = write_clean(tmp_path, "coco")
    edit_coco(folder, lambda document: document["images"][0].update(file_name=7))
    edit_coco(folder, lambda document: document["images"][1].update(width="wide"), "val")
    finding = only(check(folder), "wrong-record")
    assert [place.where.split(",")[0] for place in finding.examples] == ["images[0]", "images[1]"]


def test_corners_for_widths(tmp_path: Path) -> None:
    folder = write_clean(tmp_path, "coco")

    def to_corners(document: dict) -> None:
        for item in document["annotations"]:
            x, y, width, height = item["bbox"]
            item["bbox"] = [x, y, x + width, y + height]

    edit_coco(folder, to_corners)
    assert "bbox_mode=xyxy" in only(check(folder), "corners-not-widths").fix
    edit_coco(folder, to_corners, "val")
    assert only(check(folder), "corners-not-widths").count == 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<annotation><object>", "unreadable-labels"),
        (voc_page("train0", "<object><name>cat</name></object>"), "wrong-record"),
        (voc_page("train0", "<object><bndbox/></object>"), "wrong-record"),
    ],
)
def test_voc_files(text: str, code: str, tmp_path: Path) -> None:
    folder = write_clean(tmp_path, "voc")
    path = write_text(label_file_of(folder, "train0"), text)
    report = check(folder)
    finding = next(finding for finding in report.findings if finding.severity == "error")
    assert finding.code == code
    # Every reading of VOC looks at the files of all splits, and yet it is told once.
    assert (finding.count, finding.examples[0].file) == (1, str(path.relative_to(folder)))


@pytest.mark.parametrize("name", TEXT)
def test_labels_that_are_no_text(name: str, tmp_path: Path) -> None:
    folder = write_clean(tmp_path, name)
    label_file_of(folder, "val1").write_bytes(b"\xff\xfe\x00")
    codes = [finding.code for finding in check(folder).findings]
    assert codes == ["unreadable-labels", "background-image"]


def test_a_split_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    folder = write_clean(tmp_path, "coco")
    label_file_of(folder, "train0").write_text('{"images": [')
    image_of(folder, "val0").unlink()
    report = check(folder)
    assert [finding.code for finding in report.findings] == ["unreadable-split", "missing-image"]
    assert "line 1 column" in report.findings[0].what
    assert [split.split for split in report.splits] == ["val"]


def test_no_split_can_be_read(tmp_path: Path) -> None:
    folder = write_clean(tmp_path, "coco")
    for split in ("train", "val"):
        label_file_of(folder, f"{split}0").write_text("")
    report = check(folder)
    assert [finding.code for finding in report.findings] == ["unreadable-split"] * 2
    assert report.splits == ()
    with pytest.raises(DataError, match="2 errors"):
        report.raise_if(strict=False)


def test_everything_at_once(tmp_path: Path) -> None:
    folder = write_clean(tmp_path, "coco")
    image_of(folder, "train1").unlink()
    image_of(folder, "train2").write_bytes(b"")
    add_object(folder, "coco", 0, (90, 10, 95, 20))
    add_object(folder, "coco", 0, (10, 50, 10, 55))
    add_object(folder, "coco", 8, (10, 50, 20, 55))
    report = check(folder)
    assert {finding.code: finding.count for finding in report.findings} == {
        "missing-image": 1,
        "corrupt-image": 1,
        "unknown-class": 1,
        "box-without-area": 1,
        "box-outside": 1,
        "rare-class": 3,
    }
