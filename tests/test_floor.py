"""What is shipped to a device runs on Python 3.6: measured by vermin and by a real one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def shipped(repo: Path) -> list[Path]:
    return [*sorted((repo / "runtime").rglob("*.py")), repo / "edgedet" / "__init__.py"]


def python36() -> str | None:
    """An interpreter that runs: pyenv leaves launchers on PATH that do not."""
    candidates = [str(p) for p in Path.home().glob(".pyenv/versions/3.6*/bin/python")]
    candidates.append(shutil.which("python3.6") or "")
    for candidate in filter(None, candidates):
        asked = [candidate, "-c", "import sys; print(sys.version_info[:2])"]
        ran = subprocess.run(asked, capture_output=True, text=True, check=False)
        if ran.stdout.strip() == "(3, 6)":
            return candidate
    return None


def test_vermin_finds_nothing_newer_than_3_6(repo: Path) -> None:
    pytest.importorskip("vermin")
    files = [str(file) for file in shipped(repo)]
    command = [
        sys.executable,
        "-c",
        "from vermin import main; main()",
        "--quiet",
        "--no-tips",
        "--target=3.6-",
    ]
    ran = subprocess.run(
        [*command, "--violations", *files], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_real_python_3_6_compiles_every_shipped_file(repo: Path) -> None:
    interpreter = python36()
    if interpreter is None:
        pytest.skip("NO PYTHON 3.6 ON THIS MACHINE: only vermin checked the floor of runtime/")
    source = (
        "import sys\nfor f in sys.argv[1:]: compile(open(f, encoding='utf-8').read(), f, 'exec')"
    )
    files = [str(file) for file in shipped(repo)]
    ran = subprocess.run(
        [interpreter, "-c", source, *files], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
