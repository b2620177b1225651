"""The command line of a bundle: `python3 model.pyz doctor|build|bench|predict|camera`.

Needs Python 3.6; `doctor` nothing else, `predict` numpy, OpenCV, and ONNX Runtime or TensorRT.
"""

import importlib
import json
import logging
import os
import sys
from pathlib import Path
from typing import List, Optional, Union

from .bundle_arguments import arguments_of
from .bundle_file import open_bundle
from .errors import DeviceError, EdgedetError, error_of_place
from .lazy import require

INTERRUPTED, PIPE_CLOSED = 130, 141
ERROR_SCHEMA_VERSION = 1
HOMES = {
    "doctor": "bundle_verbs",
    "build": "bundle_verbs",
    "bench": "bundle_bench",
    "predict": "bundle_predict",
    "camera": "bundle_camera",
}
"""Verb -> the module whose function of that name it is, imported when it is asked for."""
WITHOUT_NUMPY = ("doctor", "build")
INSTALL_NUMPY = "install it: sudo apt install python3-numpy, or pip install numpy"


def main(path: Union[str, Path], argv: Optional[List[str]] = None) -> int:
    """Do what the words of the command line say with the bundle at ``path``; return the exit code.

    0 success, 2 usage, 3 data, 4 model, 5 device, 130 interrupted. What the user can mend is one
    line on stderr, and with ``--json`` an object on stdout besides.
    """
    words = sys.argv[1:] if argv is None else argv
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        _run(Path(path), words)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:  # as with `| head`
        _discard_output()
        return PIPE_CLOSED
    except (EdgedetError, OSError, MemoryError) as error:
        failure = _failure(error)
        if failure is None:
            raise
        _report(failure, "--json" in words)
        _write_out()
        return failure.exit_code
    except SystemExit as stop:  # argparse, after --help and --version
        return int(stop.code or 0)
    return 0


def _run(path: Path, words: List[str]) -> None:
    bundle = open_bundle(path)
    arguments = arguments_of(bundle, words)
    if arguments.verb not in WITHOUT_NUMPY:
        require("numpy", INSTALL_NUMPY)
    module = importlib.import_module("." + HOMES[arguments.verb], __package__)
    text = getattr(module, arguments.verb)(bundle, arguments)
    if text:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def _write_out() -> None:
    """Write what still waits, now: Python would complain at its end if that is impossible."""
    try:
        sys.stdout.flush()
    except OSError:  # the disk is full
        _discard_output()


def _discard_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _failure(error: BaseException) -> Optional[EdgedetError]:
    """What to tell the user, or None when the error is a bug of ours."""
    if isinstance(error, EdgedetError):
        return error
    if isinstance(error, MemoryError):
        fix = "close other programs, or add swap; `doctor` says how"
        return DeviceError("enough memory", "none left", fix)
    return error_of_place(error) if isinstance(error, OSError) else None


def _report(error: EdgedetError, as_json: bool) -> None:
    sys.stderr.write("error: {}\n".format(" ".join(str(error).split())))
    if not as_json:
        return
    values = {
        "schema_version": ERROR_SCHEMA_VERSION,
        "error": type(error).__name__,
        "message": "expected {}, found {}".format(error.expected, error.found),
        "suggestion": error.fix,
    }
    values.update(error.facts or {})
    sys.stdout.write(json.dumps(values) + "\n")
