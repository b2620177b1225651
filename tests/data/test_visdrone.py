"""VisDrone text labels."""

from pathlib import Path

import pytest
from label_files import write_text, write_visdrone

from edgedet.data.opening import open_annotations
from edgedet.runtime.errors import DataError

LABELS = {"a": [(0, (0, 0, 40, 30)), (9, (10, 20, 30, 25))], "b": []}


def test_ignored_regions_others_and_score_zero(tmp_path: Path) -> None:
    home = write_visdrone(tmp_path, LABELS)
    rows = ["1,2,10,10,1,4,0,0", "1,2,10,10,0,4,0,0", "5,5,20,20,0,0,0,0", "6,6,3,3,1,11,0,0"]
    write_text(home / "annotations" / "a.txt", "\n".join(rows))
    annotations = open_annotations(tmp_path, "train")
    image = annotations.images[0]
    assert annotations.counts().tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert image.labels[:2].tolist() == [3, 3]
    assert image.ignored.tolist() == [False, True, *[True] * 20]
    # A region without class shields detections of every class.
    assert image.labels[2:12].tolist() == list(range(10))
    assert (image.boxes_xyxy[2:12] == [5, 5, 25, 25]).all()


def test_split_folder_itself(tmp_path: Path) -> None:
    home = write_visdrone(tmp_path, LABELS)
    assert len(open_annotations(home, "train").images) == 2
    with pytest.raises(DataError, match="the val split, found .*DET-train"):
        open_annotations(home, "val")


def test_plain_folder(tmp_path: Path) -> None:
    home = write_visdrone(tmp_path, LABELS).rename(tmp_path / "frames")
    assert open_annotations(home, "train").counts()[[0, 9]].tolist() == [1, 1]


def test_an_ignored_region_without_area_is_dropped(tmp_path: Path) -> None:
    home = write_visdrone(tmp_path, LABELS)
    write_text(home / "annotations" / "a.txt", "5,5,0,20,0,0,0,0\n")
    assert len(open_annotations(tmp_path, "train").images[0].labels) == 0


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,2,3,4,1,4,0", "8 whole numbers"),
        ("1,2,3,4,1,12,0,0", "category 0 to 11"),
        ("1,2,3,4,1,2.5,0,0", "category 0 to 11"),
        ("1,2,3,4,1,car,0,0", "8 whole numbers"),
        ("1,2,0,4,1,4,0,0", "without width or height"),
    ],
)
def test_wrong_row(tmp_path: Path, row: str, message: str) -> None:
    home = write_visdrone(tmp_path, LABELS)
    path = write_text(home / "annotations" / "a.txt", f"\n{row}\n")
    with pytest.raises(DataError, match=message) as caught:
        open_annotations(tmp_path, "train")
    assert f"{path}:2" in str(caught.value) or f"line 2 of {path}" in str(caught.value)
