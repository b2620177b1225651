"""A build that never ended leaves a file behind, so that the next one can tell.

The kernel kills what takes the last memory of a board, without a word to it. So the process that
builds holds a lock on its file, which the kernel takes back however the process ends.
"""

import json
import logging
import os
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Dict, Iterator, List

from .atomic import atomic_path
from .build_memory import SWAP_RECIPE
from .engine_cache import cache_folder
from .errors import EdgedetError
from .native_name import readable_name

try:
    import fcntl
except ImportError:  # Windows, which kills no process for its memory
    HAS_LOCKS = False
else:
    HAS_LOCKS = True

SUFFIX = ".building"
TIME_FORMAT = "%Y-%m-%d %H:%M"

_LOGGER = logging.getLogger("edgedet.engine")


@contextmanager
def marked_build(onnx: Path, onnx_sha256: str) -> "Iterator[None]":
    """Mark the build of a model while the block runs; first tell of one that was killed.

    The marks are in the cache, one for each build. Where none can be written there is none.
    """
    if not HAS_LOCKS:
        yield
        return
    for left in _left_behind(onnx_sha256):
        line = "the last build of %s, process %s, begun %s, was killed, probably for memory: %s"
        _LOGGER.warning(
            line, readable_name(onnx), left.get("pid"), left.get("started"), SWAP_RECIPE
        )
    with ExitStack() as held:
        with suppress(OSError, EdgedetError):
            held.enter_context(_mark(onnx_sha256))
        yield


@contextmanager
def _mark(onnx_sha256: str) -> "Iterator[None]":
    mark = cache_folder() / "{}.{}{}".format(onnx_sha256, os.urandom(4).hex(), SUFFIX)
    values = {"pid": os.getpid(), "started": time.strftime(TIME_FORMAT)}
    with ExitStack() as held:
        with atomic_path(mark) as temporary:
            stream = held.enter_context(temporary.open("w", encoding="ascii"))
            fcntl.flock(stream, fcntl.LOCK_EX)
            json.dump(values, stream)
            stream.flush()
        try:
            yield
        finally:
            with suppress(OSError):
                mark.unlink()


def _left_behind(onnx_sha256: str) -> List[Dict[str, Any]]:
    """Remove the marks of that model which nobody holds any more, and return what they say."""
    marks: List[Path] = []
    with suppress(OSError):  # a cache that cannot even be looked at
        marks = sorted(cache_folder().glob("{}.*{}".format(onnx_sha256, SUFFIX)))
    found = []
    for mark in marks:
        with suppress(OSError, ValueError), mark.open(encoding="ascii") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused while the build is on
            if os.fstat(stream.fileno()).st_nlink:  # 0: it ended while we looked
                mark.unlink()
                found.append(dict(json.load(stream)))
    return found
