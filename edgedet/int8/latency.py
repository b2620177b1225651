"""How long the network takes in FP32 and INT8, measured in turn."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend

WARM_UP = 3
ROUNDS = 30


def interleaved_ms(
    backends: Sequence[OnnxRuntimeBackend], batch: NDArray[Any], rounds: int = ROUNDS
) -> NDArray[np.float64]:
    """Return [rounds, backends] the time in ms of the network of each backend on one batch.

    Each round runs all of them, one after the other, starting with the next one: what else the
    machine does meets all. The run before the timed one brings the weights into the caches.
    """
    for backend in backends:
        backend.infer(batch)
        for _ in range(WARM_UP):
            backend.run_only()
    times = np.empty((rounds, len(backends)))
    for turn, row in enumerate(times):
        for place in range(len(backends)):
            column = (turn + place) % len(backends)
            backends[column].run_only()
            started = time.perf_counter()
            backends[column].run_only()
            row[column] = time.perf_counter() - started
    return times * 1000


def speedups(times_ms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return [backends] how many times as fast as the first each is: the median over rounds."""
    return np.asarray(np.median(times_ms[:, :1] / times_ms, axis=0))
