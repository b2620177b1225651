"""The folder of results."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgedet.experiments.store import Store, read_json
from edgedet.runtime.errors import ModelError, UsageError

# Claims the run and is killed while it holds it; its child lives on with what it inherited.
HOLDER = """
import os, subprocess, sys, time
from pathlib import Path
from edgedet.experiments.store import Store
with Store(Path(sys.argv[1])).claim("key", 0) as mine:
    if os.fork() == 0:
        time.sleep(60)
    print(mine, flush=True)
    time.sleep(60)
"""


def test_a_held_run_is_free_when_its_process_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        store = Store(tmp_path)
        with store.claim("key", 0) as mine:
            assert not mine
        with store.claim("key", 1) as mine:
            assert mine
        process.kill()
        process.wait()
        with store.claim("key", 0) as mine:
            assert mine
    finally:
        # Its forked child as well. Not by kill(1): procps 4.0.2 reads `-9 -1234` as everything.
        os.killpg(process.pid, signal.SIGKILL)


def test_a_run_is_finished_when_it_has_a_result(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert not store.is_finished("key", 11)
    store.finish("key", 11, {"seed": 11})
    store.finish("key", 2, {"seed": 2})
    assert store.is_finished("key", 11)
    assert list(store.results("key")) == [2, 11]
    assert store.results("other") == {}


def test_what_ended_before_its_first_checkpoint_is_removed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = store.run("key", 0)
    folder.mkdir(parents=True)
    (folder / "results.csv").touch()
    assert not store.clear_unsaved("key", 0)
    assert not folder.exists()
    folder.mkdir()
    (folder / "model.pt").touch()
    assert store.clear_unsaved("key", 0)
    assert folder.exists()


def test_records(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.recorded("fitted") is None
    store.record("fitted", {"anchors": [1, 2]})
    assert store.recorded("fitted") == {"anchors": [1, 2]}


def test_without_record_locks_one_process_works_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows has no fcntl."""
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with Store(tmp_path).claim("key", 0) as mine:
        assert mine


def test_a_file_system_without_locks_is_no_other_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.lockf", fail)
    with (
        pytest.raises(UsageError, match="No locks available"),
        Store(tmp_path).claim("key", 0),
    ):
        pass


def test_a_result_of_another_version_is_refused_and_a_copy_of_a_run_is_not_a_seed(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path)
    store.finish("key", 0, {"seed": 0})
    store.run("key", 0).rename(tmp_path / "runs" / "key" / "seed-0-before")
    assert store.results("key") == {}
    store.finish("key", 0, {"schema_version": 99})
    with pytest.raises(ModelError, match="found version 99"):
        store.results("key")


@pytest.mark.parametrize("content", ["{", "[1]"])
def test_a_damaged_file_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ModelError, match="remove it: it is made again"):
        read_json(tmp_path / "a.json")
