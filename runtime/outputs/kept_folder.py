"""A folder that files are put into for ever, within a budget: the oldest go first."""

import logging
import os
import re
import shutil
import time
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from ..errors import UsageError

LEAST_FREE_BYTES = 200 * 1000 * 1000
"""Left to the rest of the machine: a full disk stops more than a recording."""
STAMP = "%Y-%m-%dT%H-%M-%S"

_LOG = logging.getLogger("edgedet.camera")
_NAME = re.compile(r"^.+_\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ(-\d+)?\.[a-z0-9]+$")


class KeptFolder:
    """Files named by camera and time (UTC); files of others are neither counted nor removed."""

    def __init__(self, path: Path, budget_bytes: int, suffixes: Sequence[str] = ()) -> None:
        """suffixes: of the files that are meant, which may lie beside those of another output; ():
        all. UsageError when the folder cannot be made or written.
        """
        self.path = path
        self._budget_bytes, self._suffixes = budget_bytes, tuple(suffixes)
        self._made: Dict[Path, int] = {}
        """Files of this run and their order: the clock, and so their names, may have been set back
        meanwhile; a device without a battery begins anywhere."""
        self._count = 0
        self.make()

    def make(self) -> None:
        """Make the folder where it is not there; UsageError when it cannot be, or be written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            found = "{} ({})".format(self.path, error.strerror)
            raise UsageError("a folder to write in", found, "choose another") from error
        if not os.access(str(self.path), os.W_OK | os.X_OK):
            raise UsageError("a folder to write in", str(self.path), "choose another")

    def new_path(self, camera: str, suffix: str) -> Path:
        """Return the name of a new file that begins now."""
        stem = "{}_{}Z".format(camera, time.strftime(STAMP, time.gmtime()))
        path, number = self.path / (stem + suffix), 1
        while path.exists():
            path, number = self.path / "{}-{}{}".format(stem, number, suffix), number + 1
        self._count += 1
        self._made[path] = self._count
        return path

    def make_room(self, in_use: List[Path]) -> bool:
        """Remove the oldest files beyond the budget, never one in use; return whether there is
        room to write.
        """
        files = self._files()
        total = sum(size for size, _ in files)
        removable = [(size, path) for size, path in files if path not in in_use]
        for size, path in removable:
            if total <= self._budget_bytes and self._free() >= LEAST_FREE_BYTES:
                break
            if _removed(path):
                total -= size
        return total <= self._budget_bytes and self._free() >= LEAST_FREE_BYTES

    def _free(self) -> int:
        return shutil.disk_usage(str(self.path)).free

    def _files(self) -> List[Tuple[int, Path]]:
        """Size and path of our files, the oldest first."""
        found = {}
        for path in self.path.iterdir():
            if self._is_ours(path):
                try:
                    found[path] = path.stat().st_size
                except FileNotFoundError:  # somebody took it away meanwhile
                    continue
        self._made = {path: order for path, order in self._made.items() if path in found}
        return [(found[path], path) for path in sorted(found, key=self._age)]

    def _is_ours(self, path: Path) -> bool:
        meant = not self._suffixes or path.suffix in self._suffixes
        return meant and _NAME.match(path.name) is not None

    def _age(self, path: Path) -> Tuple[int, str, Path]:
        """What the oldest file has the least of: files from before this run go by their names."""
        return self._made.get(path, 0), path.stem.rsplit("_", 1)[1], path


def _removed(path: Path) -> bool:
    try:
        path.unlink()
    except OSError as error:
        _LOG.warning("%s stays: %s", path, error.strerror)
        return False
    _LOG.info("removed %s to make room", path)
    return True
