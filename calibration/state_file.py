"""Statistics in a file: an interrupted pass goes on, and a finished one is not made again."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgedet.runtime.atomic import atomic_path
from edgedet.runtime.errors import ModelError
from edgedet.runtime.int8_scales import CalibrationKey, key_from_json, key_to_json

from .key import require_same
from .statistics import BINS, Statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCHEMA_VERSION = 1
_ARRAYS = {"low": "f4", "high": "f4", "exponent": "i8", "counts": "i8", "zeros": "i8"}
"""Type of each array of `Statistics`."""


def write_state(path: Path, key: CalibrationKey, done: int, statistics: Statistics) -> None:
    """Write statistics after `done` batches; the file is replaced when it is complete.

    Raises UsageError when the place cannot be written.
    """
    head = {
        "schema_version": SCHEMA_VERSION,
        "key": key_to_json(key),
        "done": done,
        "names": list(statistics.names),
    }
    arrays = {name: getattr(statistics, name) for name in _ARRAYS}
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, head=np.array(json.dumps(head)), **arrays)


def read_state(path: Path, key: CalibrationKey, names: Sequence[str]) -> tuple[int, Statistics]:
    """Return how many batches were done, and the statistics of them.

    names: the tensors that the statistics have to be of. Raises UsageError that says which part
    of the key differs, and ModelError for a file that holds no statistics, or of other tensors.
    """
    try:
        head, arrays = _contents(path)
        found = key_from_json(head["key"])
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise _not_ours(path, str(error)) from error
    require_same(found, key, path)
    if head["names"] != list(names):
        raise _not_ours(path, "those of other tensors")
    return head["done"], Statistics(names=tuple(names), **arrays)


def _contents(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    with np.load(path, allow_pickle=False) as archive:
        head = json.loads(str(archive["head"]))
        if head["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema version {head['schema_version']}")
        arrays = {name: archive[name] for name in _ARRAYS}
    for name, array in arrays.items():
        rows = (len(head["names"]),)
        shape = (*rows, BINS) if name == "counts" else rows
        if array.dtype != _ARRAYS[name] or array.shape != shape:
            raise ValueError(f"{name} of {array.dtype} {array.shape}")
    if not isinstance(head["done"], int):
        raise TypeError("no number of batches")
    return head, arrays


def _not_ours(path: Path, found: str) -> ModelError:
    fix = f"delete {path} to calibrate again"
    return ModelError(f"statistics of this calibration in {path}", found, fix)
