"""Engines that were built before, found again by what they depend on.

A build takes half an hour on a small board. The key is a hash of the model's content and of all
else that changes the plan, so an entry can be useless but never wrong.
"""

import hashlib
import json
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .engine_file import (
    EngineFacts,
    copy_engine,
    read_engine_facts,
    read_sidecar,
    sidecar_path,
)
from .errors import EdgedetError, ModelError, UsageError

FOLDER_VARIABLE = "EDGEDET_CACHE"
KERNELS = ".kernels"
"""Suffix of what `rtx_kernels` keeps here."""
LIMIT_BYTES = 1 << 30
"""Above it the engines that were not used for the longest time go."""

_LOGGER = logging.getLogger("edgedet.engine")


def cache_folder() -> Path:
    """Return where engines are kept: $EDGEDET_CACHE, else the user's cache folder.

    UsageError for a user without a home, as some containers have.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    try:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    except (RuntimeError, KeyError) as error:  # KeyError: Python 3.6
        fix = "name a folder in the environment variable " + FOLDER_VARIABLE
        raise UsageError("a cache folder", "a user without a home", fix) from error
    return Path(base) / "edgedet" / "engines"


def cache_key(parts: Dict[str, Any]) -> str:
    """Return the SHA-256 of the parts, which are plain JSON types."""
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def fetch(key: str, engine: Path) -> Optional[EngineFacts]:
    """Put the engine of that key at `engine` and return its facts, or None when there is none.

    An engine that is there already stays as it is. An entry that is damaged, or that another
    process removes meanwhile, counts as none.
    """
    kept = entry_path(key)
    for candidate in (engine, kept):
        with suppress(ModelError, FileNotFoundError, PermissionError):
            if read_sidecar(candidate).key != key:
                continue
            if candidate == engine:
                return read_engine_facts(engine)
            facts = copy_engine(kept, engine)
            with suppress(OSError):  # a cache that others own
                os.utime(str(kept), None)  # used now: it is kept the longest
            return facts
    return None


def store(key: str, engine: Path) -> None:
    """Keep a copy of the engine; a cache that cannot be written costs a warning, no engine."""
    try:
        if engine != entry_path(key):
            copy_engine(engine, entry_path(key))
        prune(keep=entry_path(key))
    except (OSError, EdgedetError) as error:
        _LOGGER.warning("the engine is not kept for the next time: %s", error)


def remove(key: str, engine: Path) -> None:
    """Remove the engine, and what is kept under that key."""
    for path in (engine, entry_path(key)):
        for file in (path, sidecar_path(path)):
            with suppress(OSError):  # not there, or a cache that others own
                file.unlink()


def entry_path(key: str) -> Path:
    """Return where the engine of that key is kept, if it is."""
    return cache_folder() / (key + ".engine")


def engines_of(onnx_sha256: Sequence[str]) -> List[Tuple[Path, EngineFacts]]:
    """Return the engines of these models that are kept, for whatever machine, newest first."""
    found = []
    for _, _, engine in sorted(_entries(".engine"), reverse=True):
        try:
            facts = read_sidecar(engine)
        except (EdgedetError, OSError):  # damaged, or not ours to read: as good as none
            continue
        if facts.onnx_sha256 in onnx_sha256:
            found.append((engine, facts))
    return found


def prune(keep: Path) -> None:
    """Remove what was unused for the longest, but not `keep`, above `LIMIT_BYTES`."""
    total = 0
    for _, size, entry in sorted(_entries(".engine", KERNELS), reverse=True):
        total += size
        if total > LIMIT_BYTES and entry != keep:
            for path in (entry, sidecar_path(entry)):
                with suppress(FileNotFoundError):  # another process may prune as well
                    path.unlink()


def _entries(*suffixes: str) -> List[Tuple[float, int, Path]]:
    """When each was used last, its bytes, and where it is."""
    paths: List[Path] = []
    with suppress(OSError):  # a folder that others closed holds nothing for us
        # Names that begin with a dot are being written.
        paths = [path for suffix in suffixes for path in cache_folder().glob("[!.]*" + suffix)]
    found = []
    for path in paths:
        with suppress(FileNotFoundError):
            stat = path.stat()
            found.append((stat.st_mtime, stat.st_size, path))
    return found
