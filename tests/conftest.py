"""Fixtures of all the tests. Python 3.6 loads this file too, for the tests of runtime."""

import logging
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent

# A shell without job control starts what runs in its background with Ctrl-C ignored, and children
# inherit that: the tests of Ctrl-C would wait for nothing.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def away_from_the_checkout(tmp_path_factory):
    """Run in an empty folder.

    What the checkout calls edgedet/ is only a part of the package, and Python would import it from
    the working folder in every process that a test starts.
    """
    before = Path.cwd()
    os.chdir(str(tmp_path_factory.mktemp("working_folder")))
    yield
    os.chdir(str(before))


@pytest.fixture(scope="module", autouse=True)
def the_registry_is_left_as_it_was():
    """A detector that the tests of one module register is none of edgedet for those of another."""
    yield
    registry = sys.modules.get("edgedet.models.registry")
    if registry is not None:
        registry.MODELS.pop("toy", None)


@pytest.fixture(autouse=True)
def the_log_is_not_shown_afterwards():
    """The stderr on which the command line shows its log is that of one test, and closed then."""
    yield
    logging.getLogger("edgedet").handlers.clear()


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the checkout."""
    return REPO


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photographs and weights that are not part of the repository; skips without them."""
    folder = Path(os.environ.get("EDGEDET_SHARED", REPO.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set EDGEDET_SHARED to its parent")
    return folder


def _source_of(package, folders):
    """Where its modules are: in the folder of the nearest package above that has one."""
    parts, below = package.split("."), []
    while ".".join(parts) not in folders:
        below.insert(0, parts.pop())
    return REPO.joinpath(folders[".".join(parts)], *below)


@pytest.fixture(scope="session")
def package_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds ``edgedet/`` as it is installed, whatever the editable mode.

    Tools that walk a package on disk (import-linter, mypy) cannot see the package-dir mapping.
    """
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10; pytest brings it there
        import tomli as tomllib

    settings = tomllib.loads((REPO / "pyproject.toml").read_text())["tool"]["setuptools"]
    root = tmp_path_factory.mktemp("tree")
    for package in settings["packages"]:
        folder = root / package.replace(".", "/")
        folder.mkdir(parents=True, exist_ok=True)
        source = _source_of(package, settings["package-dir"])
        for file in [*source.glob("*.py"), *source.glob("*.json")]:
            shutil.copy(file, folder / file.name)
    shutil.copy(REPO / "edgedet" / "py.typed", root / "edgedet")
    return root


@pytest.fixture
def without_pictures(monkeypatch):
    """INT8 reports without their pictures: two thirds of the time of a report on a toy."""
    from edgedet.int8 import report_files

    for name in ("write_accuracy_chart", "write_histograms", "write_layers"):
        monkeypatch.setattr(report_files, name, lambda path, *_: path.write_bytes(b""))
