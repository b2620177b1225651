"""scales.json: the clip of every tensor, and what it belongs to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from edgedet.runtime.atomic import atomic_path
from edgedet.runtime.errors import ModelError

from .key import CalibrationKey, key_from_json, key_to_json, require_same
from .methods import Clip, amax_by, clips_by
from .statistics import Statistics

SCHEMA_VERSION = 1
_FIELDS = ("amax", "low", "high")


class Scale(NamedTuple):
    """Of one tensor."""

    amax: float
    """Clip of |x|, above 0: the scale of symmetric INT8 is amax / 127."""
    clip: Clip
    """What the tensor held, within amax: the range of asymmetric scales."""


class Scales(NamedTuple):
    """What one calibration has chosen."""

    key: CalibrationKey
    tensors: Mapping[str, Scale]
    """By the name of the tensor in the ONNX file."""

    @property
    def amax(self) -> dict[str, float]:
        """The clip of |x| of each tensor, by its name."""
        return {name: scale.amax for name, scale in self.tensors.items()}


def scales_by(statistics: Statistics, key: CalibrationKey) -> Scales:
    """Return the scales by the method of the key. Raises UsageError for an unknown method."""
    amax, clips = amax_by(statistics, key.method), clips_by(statistics, key.method)
    return Scales(key, {name: Scale(amax[name], clips[name]) for name in statistics.names})


def write_scales(path: Path, scales: Scales) -> None:
    """Write `scales` to `path`, which appears only when it is complete.

    Raises UsageError when the place cannot be written.
    """
    tensors = {
        name: dict(zip(_FIELDS, (scale.amax, *scale.clip), strict=True))
        for name, scale in scales.tensors.items()
    }
    content = {
        "schema_version": SCHEMA_VERSION,
        "key": key_to_json(scales.key),
        "tensors": tensors,
    }
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_scales(path: Path, key: CalibrationKey | None = None) -> Scales:
    """Return the scales of a file. key: the calibration they have to be of; None: any.

    Raises UsageError that names every part of the key that differs: scales are never taken for
    another model, other images, another preprocessing or another method. Raises ModelError for a
    file that is missing or holds no scales.
    """
    try:
        found = _scales_of(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        found_text = error.strerror or str(error)
        raise ModelError(f"scales in {path}", found_text, "check the path") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        fix = f"delete {path} to calibrate again"
        raise ModelError(f"scales in {path}", f"a file that holds none ({error})", fix) from error
    if key is not None:
        require_same(found.key, key, path)
    return found


def _scales_of(content: Any) -> Scales:
    if content["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"schema version {content['schema_version']}")
    tensors = {name: _scale_of(name, fields) for name, fields in content["tensors"].items()}
    return Scales(key_from_json(content["key"]), tensors)


def _scale_of(name: str, fields: Mapping[str, Any]) -> Scale:
    amax, low, high = (float(fields[field]) for field in _FIELDS)
    if not (0 < amax < float("inf") and -amax <= low <= 0 <= high <= amax):
        raise ValueError(f"{name}: amax {amax}, low {low}, high {high}")
    return Scale(amax, Clip(low, high))
