"""A file is complete or not there. Runs on Python 3.6 too."""

import os
from pathlib import Path

import pytest

from edgedet.runtime.atomic import atomic_path
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
