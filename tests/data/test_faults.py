"""Reading on past what is wrong, and which splits a data set has."""

import json
from collections import Counter
from pathlib import Path

import pytest
from label_files import (
    coco_document,
    voc_object,
    voc_page,
    write_coco,
    write_image,
    write_text,
    write_visdrone,
    write_voc,
    write_yolo,
)

from edgedet.data import coco_json
from edgedet.data.faults import CODES, FaultError, Where, noting, refuse
from edgedet.data.labelling import labelled_annotations
from edgedet.data.opening import open_annotations, open_stated, open_train_val, splits_of
from edgedet.runtime.errors import DataError

LABELS = {
    "a": [(0, (0, 0, 40, 30)), (2, (10, 20, 30, 25))],
    "b": [(1, (5, 5, 9, 9))],
    "c": [(0, (1, 1, 9, 9))],
}


def read_on(folder: Path) -> tuple[list[str], dict[str, list[int]]]:
    """Return the codes of what was complained about, and the labels that were left."""
    faults: list[FaultError] = []
    stated = open_stated(folder, "train", complain=faults.append)
    annotations = labelled_annotations(stated, faults.append)
    assert {fault.where.code for fault in faults} <= set(CODES)
    with pytest.raises(DataError) as caught:
        open_annotations(folder, "train")
    # What training stops at is one of what is told here.
    assert str(caught.value) in map(str, faults)
    left = {image.path.stem: image.labels.tolist() for image in annotations.images}
    return [fault.where.code for fault in faults], left


def test_coco(tmp_path: Path) -> None:
    document = coco_document(LABELS)
    document["annotations"][0]["bbox"] = [1, 2, 3]
    document["annotations"][2]["bbox"] = [90, 2, 3, 4]
    document["annotations"].append({**document["annotations"][1], "category_id": 5})
    document["images"].append({"id": 77, "file_name": "gone.png"})
    document["annotations"].append({**document["annotations"][1], "image_id": 77})
    document["images"].append({"id": 10, "file_name": "twice.png"})
    for stem in LABELS:
        write_image(tmp_path / "images" / f"{stem}.png")
    write_text(tmp_path / "annotations" / "train.json", json.dumps(document))
    codes, left = read_on(tmp_path)
    assert Counter(codes) == Counter(
        ["wrong-record", "wrong-record", "unknown-class", "missing-image", "box-outside"]
    )
    assert left == {"a": [2], "b": [], "c": [0]}


def test_yolo(tmp_path: Path) -> None:
    write_yolo(tmp_path, LABELS)
    label = tmp_path / "labels" / "train"
    write_text(label / "a.txt", "0 .5 .5\n9 .5 .5 .1 .1\n1 .5 .5 .1 .1\n1 .5 .5 0 .1\n")
    (label / "b.txt").write_bytes(b"\xff")
    write_text(label / "c.txt", "7 .5 .5 .1 .1\n")
    (tmp_path / "images" / "train" / "c.png").write_bytes(b"")
    codes, left = read_on(tmp_path)
    # The labels of an image that cannot be read are looked at all the same.
    assert codes == [
        "wrong-record",
        "unknown-class",
        "unreadable-labels",
        "unknown-class",
        "corrupt-image",
        "box-without-area",
    ]
    assert left == {"a": [1], "b": []}


def test_voc(tmp_path: Path) -> None:
    write_voc(tmp_path, LABELS)
    objects = "<object><name>cat</name></object>" + voc_object("dog", (1, 1, 5, 5))
    write_text(tmp_path / "Annotations" / "a.xml", voc_page("a", objects))
    write_text(tmp_path / "Annotations" / "b.xml", "<annotation>")
    write_text(tmp_path / "Annotations" / "c.xml", voc_page("c", "", (61, 80)))
    codes, left = read_on(tmp_path)
    assert codes == ["wrong-record", "unreadable-labels", "wrong-size"]
    assert left == {"a": [0], "b": []}


def test_visdrone(tmp_path: Path) -> None:
    home = write_visdrone(tmp_path, LABELS)
    rows = "1,1,5,5,1,12,0,0\n1,1,5,5,1\n1,1,5,5,1,4,0,0\n99,1,5,5,1,4,0,0\n"
    write_text(home / "annotations" / "a.txt", rows)
    (home / "images" / "b.png").write_bytes(b"x")
    codes, left = read_on(tmp_path)
    assert codes == ["unknown-class", "wrong-record", "corrupt-image", "box-outside"]
    assert left == {"a": [3], "c": [0]}


def test_corners_are_read_as_corners_once_complained_about(tmp_path: Path) -> None:
    path = write_coco(tmp_path, {"a": [(0, (40, 40, 60, 60))]})
    document = json.loads(path.read_text())
    document["annotations"][0]["bbox"] = [40, 40, 60, 60]
    write_text(path, json.dumps(document))
    faults: list[FaultError] = []
    stated = open_stated(tmp_path, "train", complain=faults.append)
    assert [fault.where.code for fault in faults] == ["corners-not-widths"]
    assert stated.images[0].objects.boxes_xyxy.tolist() == [[40, 40, 60, 60]]


def test_noting_lets_other_errors_pass() -> None:
    heard: list[FaultError] = []
    fault = FaultError(Where("wrong-record", Path("a.txt"), "line 1"), "a", "b", "c")
    with noting(heard.append):
        raise fault
    assert heard == [fault]
    with pytest.raises(FaultError), noting(refuse):
        raise fault
    with pytest.raises(DataError), noting(heard.append):
        raise DataError("a", "b", "c")


def test_each_coco_file_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for split in ("train", "val", "test"):
        write_coco(tmp_path, {f"{split}{stem}": rows for stem, rows in LABELS.items()}, split)
    parsed = []
    document_of = coco_json._document
    monkeypatch.setattr(
        coco_json, "_document", lambda path: parsed.append(path.name) or document_of(path)
    )
    open_train_val(tmp_path)
    assert sorted(parsed) == ["test.json", "train.json", "val.json"]


@pytest.mark.parametrize("write", [write_coco, write_yolo, write_voc, write_visdrone])
def test_splits(write: object, tmp_path: Path) -> None:
    write(tmp_path, LABELS, "train")
    if write is not write_yolo:
        assert splits_of(tmp_path) == ("train",)
    write(tmp_path, LABELS, "val")
    assert splits_of(tmp_path) == ("train", "val")


def test_splits_of_files(tmp_path: Path) -> None:
    path = write_coco(tmp_path, LABELS, "val")
    assert splits_of(path) == ("val",)
    assert splits_of(path.rename(path.with_name("all.json"))) == ("train",)
    yaml = write_text(tmp_path / "data.yaml", "train: images\ntest:\nval: ''\nnames: [cat]\n")
    assert splits_of(yaml) == ("train",)


def test_splits_of_a_plain_visdrone_folder(tmp_path: Path) -> None:
    """One folder that matches every split is not three splits of the same images."""
    home = write_visdrone(tmp_path, LABELS).rename(tmp_path / "frames")
    assert splits_of(home) == ("train",)


def test_splits_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the train split of a COCO"):
        splits_of(tmp_path)
    with pytest.raises(DataError, match="a folder or a"):
        splits_of(write_text(tmp_path / "labels.csv", ""))
