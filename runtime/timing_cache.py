"""What TensorRT timed in earlier builds, kept: another build of a like model takes a tenth.

One file per TensorRT version and GPU. TensorRT itself refuses timings that are not its own.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from .atomic import atomic_path
from .engine_cache import cache_folder, cache_key
from .errors import EdgedetError
from .gpu_identity import Gpu

if TYPE_CHECKING:
    from .tensorrt_flavour import Flavour

_LOGGER = logging.getLogger("edgedet.engine")


def timing_file(flavour: "Flavour", gpu: Optional[Gpu]) -> Path:
    """Return where the timings of this TensorRT on this GPU are kept."""
    key = cache_key({"version": flavour.version, "gpu": str(gpu)})
    return cache_folder() / "{}.timing".format(key)


def load_timings(config: Any, file: Path) -> None:
    """Give the builder the timings in the file; none, or unreadable ones, start empty."""
    try:
        content = file.read_bytes()
    except OSError:
        content = b""
    timings = config.create_timing_cache(content)  # None for bytes that are no timings
    if timings is None or not config.set_timing_cache(timings, False):
        config.set_timing_cache(config.create_timing_cache(b""), False)


def save_timings(config: Any, file: Path) -> None:
    """Keep what the builder knows now; a failure costs a warning."""
    timings = config.get_timing_cache()
    if timings is None:
        return
    try:
        with atomic_path(file) as temporary, temporary.open("wb") as stream:
            stream.write(timings.serialize())
    except (OSError, EdgedetError) as error:
        _LOGGER.warning("timings are not kept for the next build: %s", error)
