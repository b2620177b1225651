"""What is recognised from a path, and what is said when nothing is."""

import subprocess
import sys
from pathlib import Path

import pytest
from label_files import write_coco, write_text

from edgedet.data.opening import open_annotations
from edgedet.runtime.errors import DataError, UsageError

LABELS = {"a": [(0, (0, 0, 40, 30))]}


def test_unrecognised_folder_lists_what_was_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "set" / "pictures").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        open_annotations("set", "val")
    text = str(caught.value)
    for place in (
        "annotations/val.json",
        "annotations/instances_val*.json",
        "data.yaml",
        "ImageSets/Main/val.txt",
        "VisDrone*-DET-val*/annotations",
    ):
        assert str(tmp_path / "set" / place) in text


def test_a_coco_folder_without_the_split_is_not_taken_for_visdrone(tmp_path: Path) -> None:
    write_coco(tmp_path, LABELS, "train")
    with pytest.raises(DataError, match="the val split of a COCO"):
        open_annotations(tmp_path, "val")


def test_two_files_for_one_split(tmp_path: Path) -> None:
    path = write_coco(tmp_path, LABELS)
    for year in ("2014", "2017"):
        write_text(path.with_name(f"instances_train{year}.json"), path.read_text())
    path.unlink()
    with pytest.raises(DataError, match="name one of these"):
        open_annotations(tmp_path, "train")


def test_brackets_in_a_folder_name_are_no_pattern(tmp_path: Path) -> None:
    write_coco(tmp_path / "set [1]", LABELS)
    assert len(open_annotations(tmp_path / "set [1]").images) == 1


def test_nothing_there_and_unknown_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"nothing at {tmp_path / 'gone'}"):
        open_annotations(tmp_path / "gone")
    with pytest.raises(DataError, match=r"a folder or a \.json or \.yaml or \.yml file"):
        open_annotations(write_text(tmp_path / "labels.csv", "a,b"))


def test_unknown_split(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'val'"):
        open_annotations(tmp_path, "vall")


@pytest.mark.parametrize("bad", [b"", b"\x89PNG\r\n\x1a\n and then nothing", b"no image at all"])
def test_corrupt_image_is_named(tmp_path: Path, bad: bytes) -> None:
    write_coco(tmp_path, LABELS)
    path = tmp_path / "images" / "a.png"
    path.write_bytes(bad)
    with pytest.raises(DataError, match="not a readable image") as caught:
        open_annotations(tmp_path)
    assert str(path) in str(caught.value)


def test_linked_labels_keep_the_images_beside_the_link(tmp_path: Path) -> None:
    path = write_coco(tmp_path / "set", LABELS)
    stored = path.rename(tmp_path / "store.json")
    path.symlink_to(stored)
    assert len(open_annotations(tmp_path / "set").images) == 1


def test_readers_need_neither_torch_nor_opencv() -> None:
    script = (
        "import sys\n"
        "for name in ('torch', 'torchvision', 'cv2', 'onnx', 'onnxruntime'):\n"
        "    sys.modules[name] = None\n"
        "import edgedet.data.opening, edgedet.data.shapes, edgedet.data.annotations\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
