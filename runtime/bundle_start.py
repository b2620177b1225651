"""The first thing of a bundle that runs: the zip's ``__main__.py``, a copy of this file.

It imports nothing of ours before it has looked at the machine, and says what is wrong in words
that any Python can read: on a Jetson Nano `python` is Python 2.7.
"""

import importlib
import io
import os
import re
import sys

OLDEST_PYTHON = (3, 6)
DEVICE_ERROR = 5
CORTEX_A57 = r"(?m)^CPU part\s*:\s*0xd07\s*$"


def start(bundle):
    # type: (str) -> int
    """Run the bundle at the path ``bundle`` and return the exit code."""
    if sys.version_info < OLDEST_PYTHON:
        found = ".".join(str(number) for number in sys.version_info[:3])
        line = "error: expected Python 3.6 or newer, found {}; run: python3 {}\n"
        sys.stderr.write(line.format(found, bundle))
        return DEVICE_ERROR
    _spare_openblas()
    _print_anything()
    main = importlib.import_module("edgedet.runtime.bundle_main").main
    return int(main(bundle))


def _spare_openblas(cpuinfo="/proc/cpuinfo"):
    # type: (str) -> None
    """Keep numpy 1.19.5 from instructions that the CPU of a Nano lacks, before it is imported."""
    try:
        with io.open(cpuinfo, errors="replace") as stream:  # noqa: PTH123, UP020 - any Python
            text = stream.read()
    except OSError:
        return
    if re.search(CORTEX_A57, text):
        os.environ.setdefault("OPENBLAS_CORETYPE", "ARMV8")


def _print_anything():
    # type: () -> None
    """Let names of classes and files be printed in a shell without a language, as ssh gives one:
    there Python 3.6 knows no letter but those of ASCII, and would end with an error.
    """
    closed = [name for name in ("stdout", "stderr") if getattr(sys, name) is None]
    for name in closed:  # by who started us
        setattr(sys, name, io.open(os.devnull, "w"))  # noqa: SIM115, PTH123, UP020 - any Python
    if "stdout" in closed:
        return
    number, encoding = sys.stdout.fileno(), sys.stdout.encoding
    out = io.open(number, "w", -1, encoding, "backslashreplace", None, False)  # noqa: SIM115, UP020
    sys.stdout = out


if __name__ == "__main__":
    sys.exit(start(os.path.dirname(__file__)))  # noqa: PTH120 - any Python
