"""Kernels that TensorRT-RTX makes when an engine first runs on a GPU, kept for the next start.

Its engines hold no kernels for one GPU; they are compiled there. Other TensorRTs have theirs in
the plan.
"""

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .atomic import atomic_path
from .engine_cache import KERNELS, cache_folder, cache_key, prune
from .engine_file import EngineFacts
from .errors import EdgedetError
from .gpu_identity import Gpu

if TYPE_CHECKING:
    from .loaded_engine import LoadedEngine

_LOGGER = logging.getLogger("edgedet.engine")


def kernel_file(facts: EngineFacts, gpu: Gpu) -> Path:
    """Return where the kernels of that engine on that GPU are kept: beside the engine cache."""
    key = cache_key({"plan": facts.plan_sha256, "gpu": list(gpu)})
    return cache_folder() / (key + KERNELS)


class KernelCache:
    """The runtime settings of one engine: ``config`` is for its execution context.

    Whole runs are replayed as a CUDA graph, by TensorRT-RTX itself where it does that. What was
    kept is checked by it against version, GPU and driver; what it refuses is made anew.
    """

    def __init__(self, loaded: "LoadedEngine", file: Path) -> None:
        self._file = file
        self._known = _content(file)
        self.config: Any = loaded.engine.create_runtime_config()
        if loaded.flavour.can.replays_graphs:
            strategies = loaded.flavour.module.CudaGraphStrategy
            self.config.cuda_graph_strategy = strategies.WHOLE_GRAPH_CAPTURE
        self._cache: Any = self.config.create_runtime_cache()
        if self._known and not self._cache.deserialize(self._known):
            _LOGGER.info("%s: of another driver or GPU; kernels are made anew", file)
            self._known = b""
        self.config.set_runtime_cache(self._cache)

    def save(self) -> None:
        """Keep what is new since the start; a place that cannot be written costs a warning."""
        content = bytes(self._cache.serialize() or b"")
        if content in (b"", self._known):
            return
        try:
            with atomic_path(self._file) as temporary:
                temporary.write_bytes(content)
            self._known = content
            prune(keep=self._file)
        except (OSError, EdgedetError) as error:
            _LOGGER.warning("kernels are not kept for the next start: %s", error)


def _content(file: Path) -> bytes:
    try:
        content = file.read_bytes()
    except OSError:
        return b""
    with suppress(OSError):  # a cache that others own
        os.utime(str(file), None)  # used now: it is kept the longest
    return content
