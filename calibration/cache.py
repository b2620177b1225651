"""TensorRT's calibration cache (8.2 to 10): text, one line with the scale of each tensor.

    TRT-8201-EntropyCalibration2
    images: 3c010204

The digits are the FP32 number amax / 127, most significant byte first (NVIDIA/TensorRT
samples/sampleINT8, README and samples/common of 8.2). TensorRT calls tensors as the ONNX file does,
so a cache serves the very file that was calibrated, and no other. It may refuse the first line of
another version of itself: that line is written again on the device.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from edgedet.runtime.errors import ModelError

from .affine import symmetric

ALGORITHM = "EntropyCalibration2"
"""The calibrator that reads the file, whatever method chose the scales; DLA takes no other."""
FIRST_OF_FIVE_DIGITS = 10
"""Major version from which the number of a version is counted in 10000 instead of 1000."""
_HEADER = re.compile(r"TRT-\d+-\w+")
_LINE = re.compile(r"(.+): ([0-9a-fA-F]{8})")
_FIX = "write the cache again from scales.json"


class Cache(NamedTuple):
    """What a cache holds."""

    header: str
    """Such as `TRT-8201-EntropyCalibration2`."""
    scales: dict[str, np.float32]
    """Of symmetric INT8, by the name of the tensor: its range is 127 times that."""


def cache_header(version: tuple[int, ...]) -> str:
    """Return the first line for a version of TensorRT, such as (8, 2, 1)."""
    major, minor, patch = version[:3]
    step = 10_000 if major >= FIRST_OF_FIVE_DIGITS else 1_000
    return f"TRT-{major * step + minor * 100 + patch}-{ALGORITHM}"


def cache_text(amax: Mapping[str, float], version: tuple[int, ...]) -> str:
    """Return the cache for tensors with these largest |x|, in their order.

    version: of the TensorRT that will read it. Raises ModelError for a tensor whose name does not
    fit on a line, and for a largest value that is not finite.
    """
    lines = [cache_header(version)]
    for name, value in amax.items():
        if not name or not name.isprintable():
            raise ModelError("printable names of tensors", repr(name), "rename it and export again")
        if not 0 <= value < np.inf:
            fix = "calibrate again"
            raise ModelError(f"a finite range of {name}", str(value), fix)
        lines.append(f"{name}: {struct.pack('>f', symmetric(value).scale).hex()}")
    return "\n".join(lines) + "\n"


def read_cache(text: str) -> Cache:
    """Return what a cache says. ModelError for text that is none, and for a scale of 0 or none."""
    header, *lines = text.splitlines() or [""]
    if not _HEADER.fullmatch(header):
        raise ModelError("a first line such as TRT-8201-EntropyCalibration2", repr(header), _FIX)
    scales: dict[str, np.float32] = {}
    for line in filter(None, lines):
        found = _LINE.fullmatch(line)
        scale = _number(found.group(2)) if found else np.float32(np.nan)
        if found is None or not 0 < scale < np.inf or found.group(1) in scales:
            raise ModelError("one line `name: 8 hex digits` for each tensor", repr(line), _FIX)
        scales[found.group(1)] = scale
    return Cache(header, scales)


def restamped(text: str, version: tuple[int, ...]) -> str:
    """Return the cache with the first line that this version of TensorRT expects. Raises
    ModelError as `read_cache` does.
    """
    read_cache(text)
    return "\n".join([cache_header(version), *text.splitlines()[1:]]) + "\n"


def _number(digits: str) -> np.float32:
    return np.float32(struct.unpack(">f", bytes.fromhex(digits))[0])
