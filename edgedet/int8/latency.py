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
ROUNDS = 20


def medians_ms(
    backends: Sequence[OnnxRuntimeBackend], batch: NDArray[Any], rounds: int = ROUNDS
) -> list[float]:
    """Return the median time in ms of the network of each backend on one batch.

    Each round runs all of them once, one after the other: what else the machine does meets all.
    """
    for backend in backends:
        backend.infer(batch)
        for _ in range(WARM_UP):
            backend.run_only()
    times = np.empty((rounds, len(backends)))
    for row in times:
        for column, backend in enumerate(backends):
            started = time.perf_counter()
            backend.run_only()
            row[column] = time.perf_counter() - started
    return [float(value) for value in np.median(times, axis=0) * 1000]
