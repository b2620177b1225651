"""Every copy of a shared library on a machine, and which of them a program would load.

The dynamic loader takes the first of: the folders of LD_LIBRARY_PATH, the cache of ldconfig, its
default folders. Python packages load the copies they bring themselves.
"""

import glob
import re
from typing import Dict, Iterator, List, NamedTuple, Sequence, Set, Tuple

from .machine import Machine
from .python_modules import version_numbers

LOADER_PATH, LOADER_CACHE, DEFAULT_FOLDER, PACKAGE, ELSEWHERE = (
    "LD_LIBRARY_PATH",
    "ldconfig",
    "the loader's default folder",
    "Python package",
    "not on the loader's path",
)
SEEN_BY_LOADER = (LOADER_PATH, LOADER_CACHE, DEFAULT_FOLDER)
DEFAULT_PLACES = ("usr/lib/*-linux-gnu/{name}", "usr/lib64/{name}", "usr/lib/{name}")
# Where installers put what the loader need not know.
OTHER_PLACES = (
    "usr/lib/*-linux-gnu/tegra/{name}",
    "usr/local/lib/{name}",
    "usr/local/cuda*/lib64/{name}",
    "usr/local/cuda*/targets/*/lib/{name}",
    "opt/*/lib/{name}",
)
# Beneath site-packages: wheels of NVIDIA, then what torch and others bring.
PACKAGE_PLACES = ("*_libs/{name}", "nvidia/*/lib/{name}", "tensorrt*/{name}")
_CACHE_LINE = re.compile(r"^\s*(\S+) \(.*\) => (.+)$")
_VERSION = re.compile(r"\.so\.([0-9.]+)$")


class Library(NamedTuple):
    """One file, links resolved."""

    path: str
    version: str
    """As its name says, such as 8.2.1; "" when it says nothing."""
    origin: str
    """LOADER_PATH, LOADER_CACHE, DEFAULT_FOLDER, PACKAGE or ELSEWHERE."""

    @property
    def numbers(self) -> Tuple[int, ...]:
        """Return its version as numbers."""
        return version_numbers(self.version)


def find_libraries(machine: Machine, stem: str, packages: Sequence[str] = ()) -> List[Library]:
    """Return each copy of `stem` ("libnvinfer.so") once, in the order the loader would take them.

    packages: folders of Python packages. Links to one file count once.
    """
    found: Dict[str, Library] = {}
    for path, origin in _candidates(machine, stem, packages):
        real = machine.real(path)
        if real not in found and machine.exists(path):
            match = _VERSION.search(real)
            found[real] = Library(real, match.group(1) if match else "", origin)
    return list(found.values())


def loaded_library(libraries: Sequence[Library], in_memory: Set[str]) -> List[Library]:
    """Return the copy that is loaded, as a list of none or one.

    in_memory: files that a process of the Python bindings had loaded, which settles it; where it
    had none of these, the first that the loader sees.
    """
    mapped = [library for library in libraries if library.path in in_memory]
    return (mapped or [lib for lib in libraries if lib.origin in SEEN_BY_LOADER])[:1]


def _candidates(
    machine: Machine, stem: str, packages: Sequence[str]
) -> "Iterator[Tuple[str, str]]":
    name = stem + "*"
    for folder in machine.environ.get("LD_LIBRARY_PATH", "").split(":"):
        if folder:
            yield from _in(
                machine, LOADER_PATH, ["{}/{}".format(glob.escape(folder.rstrip("/")), name)]
            )
    for path in _loader_cache(machine, stem):
        yield path, LOADER_CACHE
    yield from _in(machine, DEFAULT_FOLDER, [place.format(name=name) for place in DEFAULT_PLACES])
    inside = [place.format(name=name) for place in PACKAGE_PLACES]
    for folder in packages:
        places = ["{}/{}".format(glob.escape(folder), place) for place in inside]
        yield from _in(machine, PACKAGE, places)
    yield from _in(machine, ELSEWHERE, [place.format(name=name) for place in OTHER_PLACES])


def _in(machine: Machine, origin: str, patterns: Sequence[str]) -> "Iterator[Tuple[str, str]]":
    for pattern in patterns:
        for path in machine.glob(pattern):
            yield path, origin


def _loader_cache(machine: Machine, stem: str) -> List[str]:
    ran = machine.run(["ldconfig", "-p"])
    matches = [_CACHE_LINE.match(line) for line in (ran.out if ran else "").splitlines()]
    named = [match.groups() for match in matches if match]
    return [path for name, path in named if name == stem or name.startswith(stem + ".")]
