"""The machine a program looks at: files, programs and the Python beneath one root.

With another root than `/` everything comes from there, programs included, so that what a board
answered once can be told again in a test.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import Dict, List, NamedTuple, Optional, Sequence

PROGRAM_FOLDERS = ("usr/sbin", "usr/bin", "sbin", "bin", "usr/local/bin")
PYTHON = "python3"
MOST_STEPS = 200
"""Of following links beneath a root: enough for any path, and an end for a circle."""
TIMEOUT_S = 20.0
IMPORT_TIMEOUT_S = 120.0
"""Boards read OpenCV and CUDA from a slow card the first time."""


class Ran(NamedTuple):
    """What a program answered."""

    code: int
    """Exit code; below 0 the signal that ended it; 124 when it hung."""
    out: str
    error: str

    @property
    def last_error(self) -> str:
        """Return the last line that it complained with, else its first line of output."""
        lines = self.error.strip().splitlines()[-1:] or self.out.strip().splitlines()[:1]
        return lines[0].strip() if lines else "exit code {}".format(self.code)


class Machine:
    """Read-only: nothing is installed, changed or imported here."""

    def __init__(self, root: str = "/", environ: Optional[Dict[str, str]] = None) -> None:
        """environ: of the programs it runs; default: ours on the real root, none on another."""
        self.root = Path(root)
        self.is_here = self.root == Path("/")
        self.environ = dict(os.environ if environ is None and self.is_here else environ or {})

    def read(self, path: str) -> str:
        """Return a file's text, "" when it cannot be read."""
        try:
            data = Path(self.root, path.lstrip("/")).read_bytes()
        except OSError:
            return ""
        return data.replace(b"\0", b"").decode("utf-8", "replace")

    def first_line(self, path: str) -> str:
        """Return a file's first line without blanks at its ends."""
        return (self.read(path).strip().splitlines() or [""])[0].strip()

    def glob(self, pattern: str) -> List[str]:
        """Return the paths that match, as seen from the root, sorted."""
        found = self.root.glob(pattern.lstrip("/"))
        try:
            return sorted("/" + str(path.relative_to(self.root)) for path in found)
        except OSError:  # a folder that we may not list
            return []

    def real(self, path: str) -> str:
        """Return where a link leads, as seen from the root."""
        if self.is_here:
            return os.path.realpath(path)  # Path.resolve raises on a circle
        done, rest = PurePosixPath("/"), list(PurePosixPath(path).parts)
        for _ in range(MOST_STEPS):
            if not rest:
                break
            part = rest.pop(0)
            link = self._link(done / part)
            done = done.parent if part == ".." else done if link else done / part
            rest = list(PurePosixPath(link).parts) + rest
            if link.startswith("/"):
                done = PurePosixPath("/")
        return str(done.joinpath(*rest))

    def exists(self, path: str) -> bool:
        """Return whether something is there, links followed beneath the root."""
        try:
            return Path(self.root, self.real(path).lstrip("/")).exists()
        except OSError:  # a circle of links, on Python 3.6
            return False

    def which(self, program: str) -> Optional[str]:
        """Return where a program is, on this file system, or None."""
        if self.is_here:
            folders = [self.environ.get("PATH", ""), "/usr/sbin", "/sbin"]  # users lack sbin
            return shutil.which(program, path=os.pathsep.join(folders))
        folders = [str(self.root / folder) for folder in PROGRAM_FOLDERS]
        return shutil.which(program, path=os.pathsep.join(folders))

    def run(self, command: Sequence[str], timeout_s: float = TIMEOUT_S) -> Optional[Ran]:
        """Return what a program answers, or None when it is not there."""
        program = self.which(command[0])
        return None if program is None else self._run([program] + list(command[1:]), timeout_s)

    def run_python(self, *arguments: str) -> Optional[Ran]:
        """Run the Python that runs this on the real root, else the root's own."""
        python = sys.executable if self.is_here else self.which(PYTHON)
        return self._run([python] + list(arguments), IMPORT_TIMEOUT_S) if python else None

    def free_bytes(self, path: str) -> int:
        """Return how much a user may still write where `path` is."""
        return shutil.disk_usage(path).free

    def _link(self, path: PurePosixPath) -> str:
        """Return what a link says, "" where there is none."""
        try:
            # Path.readlink came with Python 3.9.
            return os.readlink(str(Path(self.root, *path.parts[1:])))  # noqa: PTH115
        except OSError:
            return ""

    def _run(self, command: List[str], timeout_s: float) -> Optional[Ran]:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                timeout=timeout_s,
                cwd=str(self.root),
                env=self.environ,
            )
        except subprocess.TimeoutExpired:
            return Ran(124, "", "no answer in {:.0f} s".format(timeout_s))
        except OSError as error:
            return Ran(126, "", str(error))
        texts = [data.decode("utf-8", "replace") for data in (done.stdout, done.stderr)]
        return Ran(done.returncode, texts[0], texts[1])
