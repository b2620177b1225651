"""Where results are kept: one folder a run, marked as finished by a file that appears at once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from edgedet.runtime.atomic import atomic_path
from edgedet.runtime.errors import ModelError, UsageError
from edgedet.training.outputs import LAST

RESULT = "result.json"
RESULT_SCHEMA_VERSION = 1
"""Version of its keys; a reader refuses any other."""
SEED = "seed-"


@dataclass(frozen=True)
class Store:
    """The folder of a study: `runs/<key>/seed-<n>/` and what the data said to its variants."""

    root: Path

    def run(self, key: str, seed: int) -> Path:
        """Return the folder of one run, which need not exist."""
        return self.root / "runs" / key / f"{SEED}{seed}"

    def results(self, key: str) -> dict[int, dict[str, Any]]:
        """Return the results of all finished seeds of a run, by seed.

        Raises ModelError for one that is damaged or of another version.
        """
        files = (self.root / "runs" / key).glob(f"{SEED}*/{RESULT}")
        names = {file: file.parent.name.removeprefix(SEED) for file in files}
        # The user may keep a copy of a run beside it, under a name that is no seed.
        found = {int(name): _read_result(file) for file, name in names.items() if name.isdecimal()}
        return dict(sorted(found.items()))

    def is_finished(self, key: str, seed: int) -> bool:
        """Whether the run left a result."""
        return (self.run(key, seed) / RESULT).exists()

    def finish(self, key: str, seed: int, result: Mapping[str, Any]) -> None:
        """Write the result of a run: from now on it is finished."""
        versioned = {"schema_version": RESULT_SCHEMA_VERSION, **result}
        write_json(self.run(key, seed) / RESULT, versioned)

    def clear_unsaved(self, key: str, seed: int) -> bool:
        """Remove a run that ended before its first checkpoint; True when one is there to resume."""
        folder = self.run(key, seed)
        if (folder / LAST).exists():
            return True
        if folder.exists():
            shutil.rmtree(folder)
        return False

    @contextmanager
    def claim(self, key: str, seed: int) -> Iterator[bool]:
        """Hold the run for this process; yields False when another process holds it.

        The kernel lets go of the lock when the process ends, however it ends. It is a record
        lock, because processes that load images would inherit one of flock(2) and outlive us.
        Raises UsageError when the file system has no locks.
        """
        path = self.run(key, seed).with_suffix(".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            yield _lock(file)

    def recorded(self, name: str) -> dict[str, Any] | None:
        """Return what `record` kept under that name, or None."""
        path = self._record(name)
        return read_json(path) if path.exists() else None

    def record(self, name: str, content: Mapping[str, Any]) -> None:
        """Keep what was worked out once, so that a table rebuilt later is of the same runs."""
        write_json(self._record(name), content)

    def _record(self, name: str) -> Path:
        return self.root / "resolved" / f"{name}.json"


def _lock(file: IO[str]) -> bool:
    """Whether this process has the file now; always on Windows, which has no record locks."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # POSIX leaves it open which: another has it
        return False
    except OSError as error:
        found = f"{error.strerror} for {file.name}"
        raise UsageError("a file system with locks", found, "choose another --out") from error
    return True


def _read_result(path: Path) -> dict[str, Any]:
    result = read_json(path)
    version = result.get("schema_version")
    if version != RESULT_SCHEMA_VERSION:
        expected = f"{path} to have schema version {RESULT_SCHEMA_VERSION}"
        fix = "give another --out, or remove the file: the run is judged again"
        raise ModelError(expected, f"version {version!r}", fix)
    return result


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; ModelError when it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError(f"a {type(content).__name__} instead of an object")
    except (OSError, ValueError) as error:
        found = " ".join(str(error).split())
        raise ModelError(f"{path} to be whole", found, "remove it: it is made again") from error
    return content


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write the object; the file is either complete or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        text = json.dumps(content, indent=2, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")
