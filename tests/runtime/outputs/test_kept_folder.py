"""A folder within its budget."""

import os
import shutil
from collections import namedtuple
from time import gmtime

import pytest

from edgedet.runtime.errors import UsageError
from edgedet.runtime.outputs import kept_folder
from edgedet.runtime.outputs.kept_folder import KeptFolder

Usage = namedtuple("Usage", "total used free")


def write(folder, names, size=1000):
    for name in names:
        (folder / name).write_bytes(bytes(size))


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


NAMES = ["b_2026-01-0{}T00-00-00Z.mkv".format(day) for day in range(1, 6)]


def test_the_oldest_go_first_whatever_their_camera(tmp_path):
    write(tmp_path, NAMES)
    write(tmp_path, ["z_2025-12-31T23-59-59Z.mkv"])
    assert KeptFolder(tmp_path, 3500).make_room([])
    assert names_in(tmp_path) == NAMES[2:]


def test_files_of_others_and_in_use_stay(tmp_path):
    others = ["holiday.mkv", "notes.txt", "2026-01-01T00-00-00Z.mkv"]
    write(tmp_path, NAMES + others)
    assert not KeptFolder(tmp_path, 500).make_room([tmp_path / NAMES[0]])
    assert names_in(tmp_path) == sorted(others + NAMES[:1])


def test_room_is_left_to_the_machine(tmp_path, monkeypatch):
    write(tmp_path, NAMES)
    least = kept_folder.LEAST_FREE_BYTES

    def usage(path):
        return Usage(0, 0, least - 1000 * len(list(tmp_path.iterdir())) + 2000)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    assert KeptFolder(tmp_path, 10**9).make_room([])
    assert names_in(tmp_path) == NAMES[3:]


def test_no_room_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, 0))
    assert not KeptFolder(tmp_path, 10**9).make_room([])


def test_two_files_of_the_same_second(tmp_path):
    folder = KeptFolder(tmp_path / "new", 10**9)
    paths = []
    for _ in range(3):
        paths.append(folder.new_path("door", ".mkv"))
        paths[-1].write_bytes(b"1")
    assert len(set(paths)) == 3
    assert all(kept_folder._NAME.match(path.name) for path in paths)


def test_a_file_that_cannot_be_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="a folder to write in"):
        KeptFolder(tmp_path / "file", 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="a folder to write in"):
        KeptFolder(tmp_path, 1)


def test_a_clock_that_was_set_back_makes_no_new_file_the_oldest(tmp_path, monkeypatch):
    """A Jetson without a battery begins in the past: what it writes now is newer all the same."""
    write(tmp_path, NAMES)
    folder = KeptFolder(tmp_path, 3500)
    made = []
    for at_s in (2e9, 1e9, 0.0, 3600.0):
        monkeypatch.setattr(kept_folder.time, "gmtime", lambda at_s=at_s: gmtime(at_s))
        made.append(folder.new_path("b", ".mkv"))
        write(tmp_path, [made[-1].name])
        assert folder.make_room([])
    assert names_in(tmp_path) == sorted(path.name for path in made[1:])


def test_a_file_that_somebody_takes_away_meanwhile(tmp_path, monkeypatch):
    write(tmp_path, NAMES)
    (tmp_path / "gone_2026-01-01T00-00-00Z.mkv").symlink_to("nowhere")
    assert KeptFolder(tmp_path, 10**9).make_room([])
