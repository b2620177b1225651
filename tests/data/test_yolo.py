"""YOLO text labels and data.yaml."""

from pathlib import Path

import pytest
from label_files import write_image, write_text, write_yolo

from edgedet.data.opening import open_annotations
from edgedet.runtime.errors import DataError

LABELS = {"a": [(0, (0, 0, 40, 30))], "b": []}


def test_names_as_list_and_entries_as_list_of_folders_and_files(tmp_path: Path) -> None:
    write_image(tmp_path / "set" / "images" / "one" / "a.png")
    write_image(tmp_path / "set" / "images" / "deep" / "er" / "b.png")
    write_image(tmp_path / "set" / "images" / "two" / "c.png")
    write_text(tmp_path / "set" / "labels" / "deep" / "er" / "b.txt", "1 .5 .5 .5 .5\n\n")
    write_text(tmp_path / "set" / "lists" / "two.txt", "../images/two/c.png\n")
    entries = "[images/one, images/deep, lists/two.txt]"
    path = write_text(tmp_path / "my.yaml", f"path: set\ntrain: {entries}\nnames: [cat, dog]\n")
    annotations = open_annotations(path, "train")
    assert [image.path.stem for image in annotations.images] == ["a", "b", "c"]
    assert [len(image.labels) for image in annotations.images] == [0, 1, 0]
    assert annotations.images[1].boxes_xyxy.tolist() == [[20, 15, 60, 45]]


def test_missing_and_empty_label_files_are_background(tmp_path: Path) -> None:
    path = write_yolo(tmp_path, LABELS)
    (tmp_path / "labels" / "train" / "a.txt").unlink()
    assert open_annotations(path, "train").counts().tolist() == [0, 0, 0]


def test_only_the_last_folder_named_images_becomes_labels(tmp_path: Path) -> None:
    write_yolo(tmp_path / "images" / "farm", LABELS)
    assert open_annotations(tmp_path / "images" / "farm", "train").counts().sum() == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0 .5 .5 .1", "4 numbers"),
        ("0 .5 .5 .1 .1 .9", "6 numbers"),
        ("0 .5 .5 .1 x", "found '0 .5 .5 .1 x'"),
        ("0 .5 .5 nan .1", "nan"),
        ("0 120 40 30 20", "between 0 and 1"),
        ("0 .5 .5 -.1 .1", "between 0 and 1"),
        ("3 .5 .5 .1 .1", "a class from 0 to 2 .*found 3"),
        ("-1 .5 .5 .1 .1", "a class from 0 to 2"),
        ("0.5 .5 .5 .1 .1", "a class from 0 to 2"),
        ("0 .5 .5 0 .1", "without width or height.*line 2 of"),
    ],
)
def test_wrong_row_names_file_and_line(tmp_path: Path, row: str, message: str) -> None:
    path = write_yolo(tmp_path, LABELS)
    label = write_text(tmp_path / "labels" / "train" / "a.txt", f"0 .5 .5 .1 .1\n{row}\n")
    with pytest.raises(DataError, match=message) as caught:
        open_annotations(path, "train")
    text = str(caught.value)
    assert f"{label}:2" in text or f"line 2 of {label}" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: [", "YAML in"),
        ("- a\n", "keys train, val and names"),
        ("train: images/train\n", "names as a list or as a map"),
        ("train: images/train\nnames: {1: cat}\n", "names as a list or as a map"),
        ("train: images/train\nnames: [cat]\nnc: 3\n", "nc to be the number of names, 1"),
        ("train: images/train\nnames: [cat, cat]\n", "names that differ and are not empty"),
        ("train: images/train\nnames: ['']\n", "names that differ and are not empty"),
        ("val: images/train\nnames: [cat]\n", "train as a folder"),
        ("train: 7\nnames: [cat]\n", "train as a folder"),
        ("train: []\nnames: [cat]\n", "train as a folder"),
        ("train: nowhere\nnames: [cat]\n", "found neither; write it relative to the YAML file"),
        ("train: ../images/train\nnames: [cat]\n", "write images/train instead"),
        ("!!python/object/apply:os.system ['false']", "YAML in"),
    ],
)
def test_wrong_yaml(tmp_path: Path, text: str, message: str) -> None:
    folder = tmp_path / "set"
    write_yolo(folder, LABELS)
    path = write_text(folder / "data.yaml", text)
    with pytest.raises(DataError, match=message) as caught:
        open_annotations(folder, "train")
    assert str(path) in str(caught.value)


def test_tried_path_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_yolo(tmp_path, LABELS)
    (tmp_path / "data.yaml").write_text("train: gone\nnames: [cat]\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=str(tmp_path / "gone")):
        open_annotations("data.yaml", "train")


def test_labels_that_are_not_text(tmp_path: Path) -> None:
    path = write_yolo(tmp_path, LABELS)
    (tmp_path / "labels" / "train" / "a.txt").write_bytes(b"0 .5 \xff .1 .1")
    with pytest.raises(DataError, match="UTF-8 text in .*a.txt"):
        open_annotations(path, "train")


def test_listed_image_is_missing(tmp_path: Path) -> None:
    write_text(tmp_path / "train.txt", "images/a.png\n")
    write_text(tmp_path / "data.yaml", "train: train.txt\nnames: [cat]\n")
    with pytest.raises(DataError, match="an image file, found no .*images/a.png"):
        open_annotations(tmp_path, "train")
