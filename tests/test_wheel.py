"""The wheel holds the whole package, mapped from its four folders, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

FOLDERS = {
    "edgedet": "edgedet",
    "runtime": "edgedet/runtime",
    "calibration": "edgedet/calibration",
    "export": "edgedet/export",
}
CLUTTER = shutil.ignore_patterns("__pycache__", "*.egg-info")


@pytest.fixture(scope="module")
def wheel(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it offline from a copy of the sources, as `pip wheel .` does in a clean clone."""
    pytest.importorskip("setuptools", "77", reason="setuptools >= 77 builds the wheel")
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for folder in FOLDERS:
        shutil.copytree(repo / folder, source / folder, ignore=CLUTTER)
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(repo / name, source)
    pip("wheel", str(source), "--no-build-isolation", "--wheel-dir", str(built))
    return next(built.glob("edgedet-*.whl"))


def pip(verb: str, *arguments: str) -> None:
    command = [sys.executable, "-m", "pip", verb, "--quiet", "--no-deps", "--no-index"]
    ran = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def expected_files(repo: Path) -> set[str]:
    return {
        f"{name}/{file.relative_to(repo / folder).as_posix()}"
        for folder, name in FOLDERS.items()
        for pattern in ("*.py", "*.jinja", "py.typed", "*.json", "*.css", "*.html", "*.js")
        for file in (repo / folder).rglob(pattern)
    }


def test_every_module_is_in_it_and_nothing_else(repo: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {n for n in archive.namelist() if ".dist-info/" not in n}
    expected = expected_files(repo)
    assert sorted(expected - names) == [], "missing from the wheel"
    assert sorted(names - expected) == [], "in the wheel and not ours"


def test_it_carries_the_licence_and_the_types(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "edgedet/py.typed" in names
    for name in ("LICENSE", "NOTICE"):
        assert any(n.endswith(f"licenses/{name}") for n in names)


def test_it_works_from_where_it_is_installed(wheel: Path, tmp_path: Path) -> None:
    pip("install", "--target", str(tmp_path), str(wheel))
    source = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import edgedet, edgedet.runtime, edgedet.export, edgedet.calibration, edgedet.cli
from importlib.resources import files
assert files("edgedet").joinpath("paper_tables.json").is_file()
print(edgedet.runtime.__file__)
sys.exit(edgedet.cli.main(["--version"]))
"""
    ran = subprocess.run(
        [sys.executable, "-c", source], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[0].startswith(str(tmp_path))
