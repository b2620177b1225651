"""How fast a model is on the CPU of this machine."""

from pathlib import Path
from typing import Any

from edgedet.bench_place import CPU
from edgedet.runtime.speed_report import SpeedRequest, speed_report


def measure_on_cpu(model: Path, request: SpeedRequest) -> dict[str, Any]:
    """Return model, source, environment and speeds (`runtime.bench.measure`) as JSON types.

    Raises what opening the model and the source raise.
    """
    from edgedet.opening import open_any

    about = {"model": str(model), "device": CPU}
    return speed_report(
        lambda: open_any(model, device=CPU, threads=request.threads), about, request
    )
