"""scales.json on the host: chosen, written, and read for one calibration alone.

The file itself is `edgedet.runtime.int8_scales`, which the device reads it with.
"""

from __future__ import annotations

import json
from pathlib import Path

from edgedet.runtime.atomic import atomic_path
from edgedet.runtime.int8_scales import CalibrationKey, Scale, Scales, load_scales, scales_to_json

from .key import require_same
from .methods import amax_by, clips_by
from .statistics import Statistics

__all__ = ["Scales", "read_scales", "scales_by", "write_scales"]


def scales_by(statistics: Statistics, key: CalibrationKey) -> Scales:
    """Return the scales by the method of the key. Raises UsageError for an unknown method.

    Which layers stay in float they do not say yet: see `engine_scales`.
    """
    amax, clips = amax_by(statistics, key.method), clips_by(statistics, key.method)
    return Scales(key, {name: Scale(amax[name], clips[name]) for name in statistics.names})


def write_scales(path: Path, scales: Scales) -> None:
    """Write `scales` to `path`, which appears only when it is complete.

    Raises UsageError when the place cannot be written.
    """
    with atomic_path(path) as temporary:
        text = json.dumps(scales_to_json(scales), indent=1)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_scales(path: Path, key: CalibrationKey | None = None) -> Scales:
    """Return the scales of a file. key: the calibration they have to be of; None: any.

    Raises UsageError that names every part of the key that differs: scales are never taken for
    another model, other images, another preprocessing or another method. Raises ModelError for a
    file that is missing or holds no scales.
    """
    found = load_scales(path)
    if key is not None:
        require_same(found.key, key, path)
    return found
