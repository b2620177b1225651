"""Write docker/locks/*.txt: every package of an image, with its version and the hash of its file.

    pip install uv 'pip>=23.1'
    python docker/lock.py            # all of them, or the names of some

uv resolves for the image's Python and platform; pip names the one file that it would take there.
Nothing is installed. A version that is not wanted is held back in pyproject.toml, not here.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tomllib

ROOT = Path(__file__).resolve().parent.parent
LOCKS = Path(__file__).resolve().parent / "locks"
GLIBC = 28
"""Newest manylinux_2_N that is taken: Ubuntu 22.04 has 35, Debian 12 has 36."""
OLDEST_GLIBC = 5
SOURCES = ("tensorrt-rtx", "tensorrt-rtx-cu13")
"""Published as sources only: they hold nothing but the names of the wheels."""
ONNX = "onnx>=1.16"
"""As in the extra `train`: FP16 graphs are made by it, without PyTorch."""


@dataclass(frozen=True)
class Lock:
    """What one image installs with pip."""

    python: str
    machine: str
    extras: tuple[str, ...] = ()
    """Of edgedet."""
    packages: tuple[str, ...] = ()
    """Further requirements."""
    edgedet: bool = True
    """Whether edgedet's own requirements are part of it."""


LOCKS_OF_IMAGES = {
    "build": Lock("3.11", "x86_64", packages=("setuptools>=77",), edgedet=False),
    "cpu": Lock("3.11", "x86_64"),
    "train": Lock("3.11", "x86_64", extras=("train",)),
    "rtx": Lock("3.11", "x86_64", extras=("rtx",), packages=(ONNX, "cuda-bindings>=13,<14")),
    "orin": Lock("3.10", "aarch64"),
}


def requirements_of(lock: Lock) -> list[str]:
    """Return the requirements that are resolved, those of pyproject.toml first."""
    if not lock.edgedet:
        return list(lock.packages)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [r for extra in lock.extras for r in project["optional-dependencies"][extra]]
    return [*project["dependencies"], *extras, *lock.packages]


def resolved(lock: Lock) -> list[str]:
    """Return `name==version` of each package, for the platform of the image."""
    command = ["uv", "pip", "compile", "-", "--quiet", "--no-header", "--no-annotate"]
    command += ["--python-version", lock.python]
    command += ["--python-platform", f"{lock.machine}-manylinux_2_{GLIBC}"]
    text = "\n".join(requirements_of(lock))
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True)
    # The platform is known here, so what is left of a marker is true.
    return [line.partition(";")[0].strip() for line in done.stdout.splitlines()]


def files_of(lock: Lock, pins: list[str]) -> list[Mapping[str, Any]]:
    """Return pip's report of the file that it would take of each package."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps"]
    command += ["--prefer-binary", "--implementation=cp", f"--python-version={lock.python}"]
    tags = [f"manylinux_2_{minor}" for minor in range(GLIBC, OLDEST_GLIBC - 1, -1)]
    command += [f"--platform={tag}_{lock.machine}" for tag in [*tags, "manylinux2014"]]
    with TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command += ["--target", folder, "--report", str(report), *pins]
        subprocess.run(command, check=True)
        installed: list[Mapping[str, Any]] = json.loads(report.read_text("utf-8"))["install"]
    return installed


def name_of(text: str) -> str:
    """Return a package's name as pip compares it."""
    return text.lower().replace("_", "-").replace(".", "-")


def hashed(lock: Lock) -> list[str]:
    """Return a line of each package; ValueError for sources where a wheel is expected."""
    pins = resolved(lock)
    hashes = {}
    for item in files_of(lock, pins):
        name, file = name_of(item["metadata"]["name"]), item["download_info"]
        if not file["url"].endswith(".whl") and name not in SOURCES:
            raise ValueError(f"expected a wheel of {name}, found {file['url']}")
        hashes[name] = file["archive_info"]["hashes"]["sha256"]
    return [f"{pin} --hash=sha256:{hashes[name_of(pin.partition('==')[0])]}" for pin in pins]


def main() -> None:
    """Write the locks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", default=list(LOCKS_OF_IMAGES), help="default: all")
    for name in parser.parse_args().names:
        lock = LOCKS_OF_IMAGES[name]
        lines = hashed(lock)
        header = f"# CPython {lock.python}, Linux {lock.machine}; written by docker/lock.py"
        (LOCKS / f"{name}.txt").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        sys.stdout.write(f"{name}: {len(lines)} packages\n")


if __name__ == "__main__":
    main()
