"""The build after one that was killed tells of it, once."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

import edgedet.runtime
from edgedet.runtime import build_marker, engine_cache
from edgedet.runtime.build_marker import marked_build

pytest.importorskip("fcntl")

MODEL, OTHER = "ab" * 32, "cd" * 32
ONNX = Path("model.onnx")
DIES = """
import os, signal, sys
sys.path[:0] = [sys.argv[1]]
from pathlib import Path
from edgedet.runtime.build_marker import marked_build
with marked_build(Path("model.onnx"), sys.argv[2]):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    caplog.set_level(logging.INFO, "edgedet.engine")
    return tmp_path / "cache"


def killed_build():
    package = Path(edgedet.runtime.__file__).parent.parent.parent
    ran = subprocess.run([sys.executable, "-c", DIES, str(package), MODEL])
    assert ran.returncode == -9


def test_a_killed_build_is_told_once_with_the_swap_recipe(cache, caplog):
    killed_build()
    assert len(list(cache.iterdir())) == 1
    with marked_build(ONNX, OTHER):
        assert caplog.text == ""
    with marked_build(ONNX, MODEL):
        pass
    (record,) = caplog.records
    text = record.getMessage()
    assert text.startswith("the last build of model.onnx, process ")
    assert "killed, probably for memory: " in text
    assert "swapon" in text
    assert "\n" not in text
    caplog.clear()
    with marked_build(ONNX, MODEL):
        assert caplog.text == ""
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_build_that_fails_leaves_nothing(error, cache, caplog):
    def fails():
        with marked_build(ONNX, MODEL):
            (mark,) = cache.iterdir()
            assert mark.name.startswith(MODEL)
            assert str(os.getpid()) in mark.read_text()
            raise error

    with pytest.raises(error):
        fails()
    assert list(cache.iterdir()) == []
    assert caplog.text == ""


def test_a_build_that_is_still_on_is_not_told(cache, caplog):
    with marked_build(ONNX, MODEL):
        with marked_build(ONNX, MODEL):  # another file description: as of another process
            assert len(list(cache.iterdir())) == 2
        assert len(list(cache.iterdir())) == 1
    assert caplog.text == ""


def test_a_mark_that_says_nothing_goes(cache, caplog):
    cache.mkdir()
    (cache / (MODEL + ".x.building")).write_text("{")
    with marked_build(ONNX, MODEL):
        assert len(list(cache.iterdir())) == 1
    assert caplog.text == ""


def test_where_no_mark_can_be_written_the_build_goes_on(cache, monkeypatch):
    cache.write_text("no folder")
    done = []
    with marked_build(ONNX, MODEL):
        done.append(1)
    monkeypatch.setattr(build_marker, "HAS_LOCKS", False)  # as on Windows
    with marked_build(ONNX, MODEL):
        done.append(2)
    assert done == [1, 2]
