"""COCO JSON: against pycocotools, and every way in which a file can be wrong."""

import contextlib
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from label_files import CLASSES, coco_document, write_coco, write_image, write_text
from pycocotools.coco import COCO
from torchvision.ops import box_convert

from edgedet.data.annotations import Annotations
from edgedet.data.opening import open_annotations, open_train_val
from edgedet.runtime.errors import DataError, UsageError

LABELS = {"a": [(0, (0, 0, 40, 30)), (2, (10.5, 20.25, 30, 25))], "b": []}


def assert_equals_pycocotools(annotations: Annotations) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(annotations.source))
    categories = sorted(coco.getCatIds())
    names = [item["name"] for item in coco.loadCats(categories)]
    assert list(annotations.class_names) == names
    by_name = {image["file_name"]: key for key, image in coco.imgs.items()}
    assert len(annotations.images) == len(by_name)
    for image in annotations.images:
        records = coco.loadAnns(coco.getAnnIds(by_name[image.path.name]))
        xywh = torch.tensor([item["bbox"] for item in records], dtype=torch.float64).reshape(-1, 4)
        height, width = image.size_hw
        limit = np.array([width, height, width, height])
        expected = np.clip(box_convert(xywh, "xywh", "xyxy").numpy(), 0, limit)
        np.testing.assert_allclose(image.boxes_xyxy, expected, atol=1e-4)
        labels = [categories.index(item["category_id"]) for item in records]
        assert image.labels.tolist() == labels
        assert image.ignored.tolist() == [bool(item["iscrowd"]) for item in records]


def test_ids_with_gaps_become_labels_in_their_order(tmp_path: Path) -> None:
    write_coco(tmp_path, LABELS)
    annotations = open_annotations(tmp_path, "train")
    assert annotations.class_names == CLASSES
    assert_equals_pycocotools(annotations)


@pytest.mark.parametrize(
    ("name", "train", "val"),
    [
        ("det_pear640", (199, 2388), (53, 832)),
        ("det_bccd", (306, 4074), (58, 812)),
        ("det_tomato_pf", (62, 1103), (10, 168)),
        ("det_aerial_cars", (101, 3100), (21, 497)),
        ("seg_dsb2018", (537, 22276), (127, 5750)),
        ("kp_openfield", (85, 85), (31, 31)),
    ],
)
def test_real_data(
    shared_data: Path, name: str, train: tuple[int, int], val: tuple[int, int]
) -> None:
    """The counts are those of each data set's README."""
    for annotations, expected in zip(open_train_val(shared_data / name), (train, val), strict=True):
        assert (len(annotations.images), annotations.counts().sum()) == expected
        assert_equals_pycocotools(annotations)


def test_class_counts_of_real_data(shared_data: Path) -> None:
    train, val = open_train_val(shared_data / "det_bccd")
    assert dict(zip(train.class_names, train.counts().tolist(), strict=True)) == {
        "RBC": 3472,
        "WBC": 314,
        "Platelets": 288,
    }
    assert val.counts().tolist() == [681, 58, 73]


def write_document(folder: Path, document: object, name: str = "train.json") -> Path:
    write_image(folder / "images" / "a.png")
    return write_text(folder / "annotations" / name, json.dumps(document))


@pytest.mark.parametrize(
    "place", ["../images", "images", ".", "../train2017", "../images/train2017"]
)
def test_images_are_found_relative_to_the_json(tmp_path: Path, place: str) -> None:
    path = write_text(
        tmp_path / "annotations" / "instances_train2017.json",
        json.dumps(coco_document({"a": LABELS["a"]})),
    )
    write_image(path.parent / place / "a.png")
    for data in (path, tmp_path):
        annotations = open_annotations(data, "train")
        assert annotations.images[0].path.is_file()
        assert annotations.source == path


def test_roboflow_folder(tmp_path: Path) -> None:
    write_image(tmp_path / "valid" / "a.png")
    document = coco_document({"a": LABELS["a"]})
    write_text(tmp_path / "valid" / "_annotations.coco.json", json.dumps(document))
    assert len(open_annotations(tmp_path, "val").images) == 1


def test_crowds_are_ignored(tmp_path: Path) -> None:
    document = coco_document({"a": LABELS["a"]})
    document["annotations"][1]["iscrowd"] = 1
    annotations = open_annotations(write_document(tmp_path, document))
    assert annotations.images[0].ignored.tolist() == [False, True]
    assert annotations.counts().tolist() == [1, 0, 0]


def test_boxes_are_clipped_to_the_image(tmp_path: Path) -> None:
    document = coco_document({"a": [(0, (-3, -2, 50, 99)), (1, (70, 50, 90, 55))]})
    image = open_annotations(write_document(tmp_path, document)).images[0]
    assert image.boxes_xyxy.tolist() == [[0, 0, 50, 60], [70, 50, 80, 55]]


def corners_document() -> dict:
    document = coco_document({"a": [(0, (40, 40, 60, 60)), (1, (0, 0, 10, 10))]})
    document["annotations"][0]["bbox"] = [40, 40, 60, 60]
    return document


def test_corners_read_as_widths_are_refused(tmp_path: Path) -> None:
    path = write_document(tmp_path, corners_document())
    with pytest.raises(DataError, match=r"1 of 2 boxes.*\[40, 40, 60, 60\].*bbox_mode=xyxy"):
        open_annotations(path)
    boxes = open_annotations(path, bbox_mode="xyxy").images[0].boxes_xyxy
    assert boxes.tolist() == [[40, 40, 60, 60], [0, 0, 10, 10]]


def test_widths_with_one_stray_box_are_not_taken_for_corners(tmp_path: Path) -> None:
    document = coco_document({"a": [(0, (40, 40, 60, 60)), (1, (70, 50, 95, 58))]})
    image = open_annotations(write_document(tmp_path, document)).images[0]
    assert image.boxes_xyxy.tolist() == [[40, 40, 60, 60], [70, 50, 80, 58]]


def test_overhang_of_one_pixel_is_no_sign_of_corners(tmp_path: Path) -> None:
    document = coco_document({"a": [(0, (20, 20, 81, 61))]})
    document["annotations"][0]["bbox"] = [20, 20, 61, 41]
    image = open_annotations(write_document(tmp_path, document)).images[0]
    assert image.boxes_xyxy.tolist() == [[20, 20, 80, 60]]


def test_bbox_mode_of_another_format_is_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "images" / "train" / "a.png")
    write_text(tmp_path / "data.yaml", "train: images/train\nnames: [cat]\n")
    with pytest.raises(UsageError, match="leave bbox_mode out"):
        open_annotations(tmp_path, "train", bbox_mode="xyxy")
    with pytest.raises(UsageError, match="did you mean 'xyxy'"):
        open_annotations(tmp_path, "train", bbox_mode="xyyx")


WRONG_FIELDS = [
    ("annotations", "bbox", [1, 2, 0, 5], "without width or height.*annotation 1 of"),
    ("annotations", "bbox", [1, 2, 5, 0], "without width or height"),
    ("annotations", "bbox", [1, 2, -5, 4], "without width or height"),
    ("annotations", "bbox", [1, 2, float("nan"), 4], "corners"),
    ("annotations", "bbox", [1, 2, float("inf"), 4], "corners"),
    ("annotations", "bbox", [90, 2, 5, 4], "outside the image"),
    ("annotations", "bbox", [1, 2, 3], r"annotations\[0\]\.bbox.*four numbers"),
    ("annotations", "bbox", ["1", 2, 3, 4], "four numbers"),
    ("annotations", "bbox", None, "four numbers"),
    ("annotations", "category_id", 5, r"category_id to be a listed id.*found 5"),
    ("annotations", "image_id", 99, "image_id to be a listed id"),
    ("images", "file_name", "", "a file name"),
    ("images", "file_name", "nowhere.png", "image nowhere.png named by .*train.json"),
    ("images", "id", [1], "a number or text"),
    ("images", "width", "wide", "whole numbers"),
    ("images", "width", 81, "80x60 pixels"),
    ("categories", "name", 3, "a name"),
    ("categories", "id", 14, "used once"),
    ("categories", "name", "cat", "used once"),
]


@pytest.mark.parametrize(("section", "field", "value", "message"), WRONG_FIELDS)
def test_wrong_field(tmp_path: Path, section: str, field: str, value: object, message: str) -> None:
    document = coco_document({"a": LABELS["a"]})
    document[section][0][field] = value
    with pytest.raises(DataError, match=message) as caught:
        open_annotations(write_document(tmp_path, document))
    assert "\n" not in str(caught.value)
    assert "train.json" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"images": [{"id": 1', "line 1 column 21"),
        ("", "line 1 column 1"),
        ("[]", "a list"),
        ('{"images": [], "categories": []}', "no list 'annotations'"),
        (
            '{"images": [{"file_name": "a"}], "categories": [], "annotations": []}',
            r"images\[0\]\.id",
        ),
        ("[" * 100_000, "recursion"),
        ("\xff\xfe", "line 1|decode"),
    ],
)
def test_broken_json(tmp_path: Path, text: str, message: str) -> None:
    path = write_text(tmp_path / "train.json", text)
    with pytest.raises(DataError, match=re.compile(message, re.I)) as caught:
        open_annotations(path)
    assert str(path) in str(caught.value)


def test_no_images(tmp_path: Path) -> None:
    document = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "cat"}]}
    with pytest.raises(DataError, match="expected images, found none for train"):
        open_annotations(write_document(tmp_path, document))


def test_images_without_objects_are_background(tmp_path: Path) -> None:
    annotations = open_annotations(write_coco(tmp_path, {"a": [], "b": []}))
    assert annotations.counts().tolist() == [0, 0, 0]
    assert annotations.images[0].boxes_xyxy.shape == (0, 4)


def test_a_file_of_one_split_is_not_read_as_another(tmp_path: Path) -> None:
    path = write_coco(tmp_path, LABELS)
    with pytest.raises(DataError, match="the val split, found .*which is train"):
        open_annotations(path, "val")


@pytest.mark.parametrize(
    ("name", "asked", "meant"),
    [("training", "val", "train"), ("validation", "train", "val"), ("x_valid", "test", "val")],
)
def test_a_split_is_known_by_its_other_names(
    tmp_path: Path, name: str, asked: str, meant: str
) -> None:
    path = write_coco(tmp_path, LABELS)
    path = path.rename(path.with_name(f"{name}.json"))
    with pytest.raises(DataError, match=f"which is {meant}"):
        open_annotations(path, asked)
    assert len(open_annotations(path, meant).images) == len(LABELS)


def test_splits_with_different_classes(tmp_path: Path) -> None:
    write_coco(tmp_path, LABELS, "train")
    path = write_coco(tmp_path, LABELS, "val")
    path.write_text(path.read_text().replace("owl", "eagle"))
    for split in ("train", "val"):
        with pytest.raises(DataError, match="same classes in the same order"):
            open_annotations(tmp_path, split)


def test_same_images_for_train_and_val(tmp_path: Path) -> None:
    path = write_coco(tmp_path, LABELS)
    path = path.rename(path.with_name("all.json"))
    with pytest.raises(DataError, match="different images for train and val"):
        open_train_val(path)
