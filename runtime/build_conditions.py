"""The clocks under which a build timed its kernels: another clock may have chosen others."""

from contextlib import contextmanager
from typing import Any, Dict, Iterator, Optional

from .environment import power_mode
from .gpu_identity import Gpu
from .power_watch import watch_power


@contextmanager
def noted_conditions(gpu: Optional[Gpu]) -> "Iterator[Dict[str, Any]]":
    """Yield a dict that holds ``clocks_mhz`` and ``power_mode`` of `EngineFacts` afterwards.

    gpu: that the build runs on; None: it times nothing, and nothing is noted.
    """
    noted: Dict[str, Any] = {}
    if gpu is None:
        yield noted
        return
    with watch_power() as watch:
        yield noted
    noted.update(clocks_mhz=watch.highest_clocks_mhz(), power_mode=power_mode())
