"""A file is complete or not there. Runs on Python 3.6 too."""

import os
from pathlib import Path

import pytest

from edgedet.runtime import atomic
from edgedet.runtime.atomic import atomic_path, atomic_paths, check_place
from edgedet.runtime.errors import UsageError


def names(folder):
    return [path.name for path in folder.iterdir()]


def write_half(target, error):
    with atomic_path(str(target)) as temporary:
        temporary.write_text("ne")
        raise error


def test_the_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "new" / "model.onnx"
    with atomic_path(target) as temporary:
        assert temporary.suffix == ".onnx"
        assert temporary.parent == target.parent
        temporary.write_bytes(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert names(target.parent) == ["model.onnx"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_broken_block_leaves_what_was_there(tmp_path, error):
    target = tmp_path / "metrics.json"
    target.write_text("old")
    with pytest.raises(error):
        write_half(target, error)
    assert target.read_text() == "old"
    assert names(tmp_path) == ["metrics.json"]


def test_the_file_gets_the_users_umask(tmp_path):
    old = os.umask(0o027)
    try:
        with atomic_path(tmp_path / "a.txt") as temporary:
            temporary.write_text("x")
    finally:
        os.umask(old)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_a_link_keeps_pointing_at_the_new_file(tmp_path):
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    with atomic_path(tmp_path / "link.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


def test_a_device_is_written_straight():
    with atomic_path("/dev/null") as place:
        assert place == Path("/dev/null")
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize("name", [".", "file/below.txt"])
def test_a_place_that_cannot_be_written_is_an_error_of_the_user(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError), atomic_path(tmp_path / name):
        raise AssertionError("not reached")


def write_two(folder):
    with atomic_paths(folder / "a.plan", folder / "a.json") as (plan, sidecar):
        plan.write_text("new")
        sidecar.write_text("new")


@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_files_that_belong_together_stay_together(tmp_path, monkeypatch, error, call):
    """Ctrl-C and full disks come while the bytes go to the disk: that takes the time."""
    for name in ("a.plan", "a.json"):
        (tmp_path / name).write_text("old")
    calls = []

    def flush(_):
        calls.append(1)
        if len(calls) == call:
            raise error

    monkeypatch.setattr(atomic.os, "fsync", flush)
    with pytest.raises(error):
        write_two(tmp_path)
    assert [(tmp_path / name).read_text() for name in ("a.plan", "a.json")] == ["old", "old"]
    assert sorted(names(tmp_path)) == ["a.json", "a.plan"]


def test_ctrl_c_between_two_names_is_heard_after_both(tmp_path, monkeypatch):
    replace, calls = Path.replace, []

    def interrupted(self, target):
        replace(self, target)
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(atomic.Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_two(tmp_path)
    assert [(tmp_path / name).read_text() for name in ("a.plan", "a.json")] == ["new", "new"]
    assert sorted(names(tmp_path)) == ["a.json", "a.plan"]


def test_two_writers_of_one_process_id_do_not_meet(tmp_path):
    """Threads, and containers that share a folder."""
    target = tmp_path / "a.txt"
    with atomic_path(target) as first:
        first.write_text("first")
        with atomic_path(target) as second:
            second.write_text("second")
        assert target.read_text() == "second"
    assert target.read_text() == "first"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("name", [".", "file/below.txt", "file/deep/below.txt", "pipe"])
def test_a_place_is_checked_before_the_work(tmp_path, name):
    (tmp_path / "file").write_text("")
    os.mkfifo(str(tmp_path / "pipe"))
    with pytest.raises(UsageError):
        check_place(tmp_path / name)


def test_a_good_place_is_left_as_it_is(tmp_path):
    check_place(tmp_path / "new" / "folder" / "a.txt")
    (tmp_path / "old.txt").write_text("old")
    check_place(tmp_path / "old.txt")
    assert names(tmp_path) == ["old.txt"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user without permission")
def test_a_folder_of_others_is_no_place(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "mine").mkdir(mode=0o700)
    os.setresuid(65534, 65534, 0)
    try:
        for name in ("a.txt", "mine/a.txt"):
            with pytest.raises(UsageError, match="a folder that can be written"):
                check_place(tmp_path / name)
    finally:
        os.setresuid(0, 0, 0)


def test_ctrl_c_while_a_file_is_made_leaves_none(tmp_path, monkeypatch):
    opened = Path.open

    def interrupted(self, *arguments):
        opened(self, *arguments).close()
        raise KeyboardInterrupt

    monkeypatch.setattr(atomic.Path, "open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_two(tmp_path)
    assert names(tmp_path) == []
