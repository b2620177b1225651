"""A run never writes over an earlier one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgedet.rundir import new_run_dir
from edgedet.runtime.errors import UsageError

NOBODY = 65534


def test_default_runs_are_numbered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = [new_run_dir("train") for _ in range(3)]
    assert made == [Path("runs/train") / name for name in ("run", "run2", "run3")]
    assert all(folder.is_dir() for folder in made)


def test_a_named_folder_is_used_when_it_is_free(tmp_path: Path) -> None:
    wanted = tmp_path / "a" / "b"
    assert new_run_dir("eval", wanted) == wanted
    assert new_run_dir("eval", wanted) == wanted
    (wanted / "metrics.json").touch()
    assert new_run_dir("eval", wanted) == tmp_path / "a" / "b2"


@pytest.mark.parametrize("wanted", ["file", "file/deeper"])
def test_a_file_in_the_way_is_an_error_of_the_user(tmp_path: Path, wanted: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="--out"):
        new_run_dir("train", tmp_path / wanted)


def test_a_folder_without_write_permission_is_an_error_of_the_user(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    become_nobody = f"import os; os.getuid() or os.setuid({NOBODY})"
    # As root nothing is forbidden, so a child gives that up after its imports.
    source = f"""
from pathlib import Path
from edgedet.rundir import new_run_dir
from edgedet.runtime.atomic import atomic_path
from edgedet.runtime.errors import UsageError
{become_nobody}
os.chdir("/")
for attempt in (lambda: new_run_dir("train", Path({str(tmp_path)!r})),
                lambda: new_run_dir("train", Path({str(tmp_path)!r}) / "new"),
                lambda: atomic_path(Path({str(tmp_path)!r}) / "model.pt").__enter__()):
    try:
        attempt()
    except UsageError as error:
        print(error)
"""
    ran = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True, cwd=os.sep
    )
    assert ran.stdout.count("Permission denied") == 3
    assert list(tmp_path.iterdir()) == []
