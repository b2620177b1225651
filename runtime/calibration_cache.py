"""TensorRT's calibration cache (8.2 to 10): text, one line with the scale of each tensor.

    TRT-8201-EntropyCalibration2
    images: 3c010204

The digits are the FP32 number amax / 127, most significant byte first (NVIDIA/TensorRT
samples/sampleINT8, README and samples/common of 8.2). TensorRT calls tensors as the ONNX file does,
so a cache serves the very file that was calibrated, and no other. It may refuse the first line of
another version of itself: `python3 -m edgedet.runtime.calibration_cache FILE` writes that line anew
on the device.

It is for trtexec and programs of others. Engines of ours take scales.json instead, which says more:
a cache has no biases, and keeps a layer in float only by leaving out the range of what it reads,
which keeps in float what makes that as well.
"""

import argparse
import re
import struct
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence

from .atomic import atomic_path
from .errors import EdgedetError, ModelError, error_of_place
from .python_modules import version_numbers
from .tensorrt_flavour import TENSORRT, open_flavour

ALGORITHM = "EntropyCalibration2"
"""The calibrator that reads the file, whatever method chose the scales; DLA takes no other."""
FIRST_OF_FIVE_DIGITS = 10
"""Major version from which the number of a version is counted in 10000 instead of 1000."""
_HEADER = re.compile(r"TRT-\d+-\w+$")
_LINE = re.compile(r"(.+): ([0-9a-fA-F]{8})$")
_FIX = "write the cache again from scales.json"


class Cache(NamedTuple):
    """What a cache holds."""

    header: str
    """Such as `TRT-8201-EntropyCalibration2`."""
    scales: Dict[str, float]
    """Of symmetric INT8, by the name of the tensor: its range is 127 times that."""


def cache_header(version: Sequence[int]) -> str:
    """Return the first line for a version of TensorRT, such as (8, 2, 1)."""
    major, minor, patch = version[:3]
    step = 10000 if major >= FIRST_OF_FIVE_DIGITS else 1000
    return "TRT-{}-{}".format(major * step + minor * 100 + patch, ALGORITHM)


def read_cache(text: str) -> Cache:
    """Return what a cache says. ModelError for text that is none, and for a scale of 0 or none."""
    lines = text.split("\n")
    if not _HEADER.match(lines[0]):
        expected = "a first line such as TRT-8201-EntropyCalibration2"
        raise ModelError(expected, repr(lines[0]), _FIX)
    scales: Dict[str, float] = {}
    for line in filter(None, lines[1:]):
        found = _LINE.match(line)
        scale = _number(found.group(2)) if found else 0.0
        if found is None or not 0 < scale < float("inf") or found.group(1) in scales:
            raise ModelError("one line `name: 8 hex digits` for each tensor", repr(line), _FIX)
        scales[found.group(1)] = scale
    return Cache(lines[0], scales)


def restamped(text: str, version: Sequence[int]) -> str:
    """Return the cache with the first line that this version of TensorRT expects. Raises
    ModelError as `read_cache` does.
    """
    read_cache(text)
    return "\n".join([cache_header(version)] + text.split("\n")[1:])


def restamp(path: Path) -> str:
    """Write the first line of a cache file for the TensorRT that is here, and return that line.

    Raises DeviceError without TensorRT, ModelError for a file that is no cache, and where
    TensorRT reads none: 11 takes INT8 from the graph.
    """
    flavour = open_flavour(TENSORRT)
    if not flavour.can.weakly_typed:
        fix = "build from the .int8.tensorrt.onnx of `edgedet export --int8`"
        raise ModelError("TensorRT 8 to 10, which reads a cache", flavour.title, fix)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError("a calibration cache in {}".format(path), str(error), _FIX) from error
    changed = restamped(text, version_numbers(flavour.version))
    with atomic_path(path) as temporary:
        temporary.write_text(changed, encoding="utf-8")
    return changed.partition("\n")[0]


def main(argv: Optional[List[str]] = None) -> int:
    """Do it for the file that the command line names, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python3 -m edgedet.runtime.calibration_cache",
        description="Write the first line of a calibration cache for the TensorRT that is here.",
    )
    parser.add_argument("cache", type=Path, help="model.calibration.cache of edgedet export --int8")
    path = parser.parse_args(argv).cache
    try:
        header = restamp(path)
    except (EdgedetError, OSError) as failure:
        error = failure if isinstance(failure, EdgedetError) else error_of_place(failure)
        if error is None:
            raise
        sys.stderr.write("error: {}\n".format(error))
        return error.exit_code
    sys.stdout.write("{}: {}\n".format(path, header))
    return 0


def _number(digits: str) -> float:
    value: float = struct.unpack(">f", bytes.fromhex(digits))[0]
    return value


if __name__ == "__main__":
    sys.exit(main())
