"""What is right is passed over in silence, and nothing is written."""

import hashlib
from pathlib import Path

import pytest
from clean_data import CLASSES_OF, EACH, FORMATS, IMAGES, check, label_file_of, write_clean

from edgedet.runtime.errors import DataError, UsageError


@pytest.mark.parametrize("name", FORMATS)
def test_a_clean_data_set_gives_no_findings(name: str, tmp_path: Path) -> None:
    report = check(write_clean(tmp_path, name))
    assert report.findings == ()
    assert report.format == name
    assert [split.split for split in report.splits] == ["train", "val"]
    for split in report.splits:
        assert (split.images, split.background) == (IMAGES, 0)
        assert list(split.objects.values()) == [IMAGES * EACH] * CLASSES_OF[name]
    assert set(report.auto_weights.values()) == {1.0}
    report.raise_if(strict=True)


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() + str(path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", FORMATS)
def test_the_data_are_left_as_they_are(name: str, tmp_path: Path) -> None:
    folder = write_clean(tmp_path, name)
    before = contents(folder)
    check(folder)
    assert contents(folder) == before


def test_a_split_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    folder = write_clean(tmp_path, "coco")
    label_file_of(folder, "val0").unlink()
    report = check(folder)
    assert report.findings == ()
    assert [split.split for split in report.splits] == ["train"]


def test_one_file_of_one_split(tmp_path: Path) -> None:
    folder = write_clean(tmp_path, "coco")
    report = check(folder / "annotations" / "val.json")
    assert [split.split for split in report.splits] == ["val"]


def test_nothing_to_check(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the train split of a COCO"):
        check(tmp_path)
    with pytest.raises(DataError, match="nothing at"):
        check(tmp_path / "gone")
    with pytest.raises(UsageError, match="did you mean 'xyxy'"):
        check(write_clean(tmp_path, "coco"), bbox_mode="xyyx")
