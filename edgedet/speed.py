"""How fast a model is on a device of this machine."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edgedet.runtime.errors import DeviceError
from edgedet.runtime.speed_report import SpeedRequest, speed_report


def measure_speed(model: Path, device: str, request: SpeedRequest) -> dict[str, Any]:
    """Return model, source, environment and speeds (`runtime.bench.measure`) as JSON types.

    Raises DeviceError for a device this release does not measure on.
    """
    if device not in DEVICES:
        known = ", ".join(sorted(DEVICES))
        raise DeviceError(f"--device out of {known}", f"'{device}'", f"use --device {known}")
    return DEVICES[device](model, request)


def _on_cpu(model: Path, request: SpeedRequest) -> dict[str, Any]:
    from edgedet.opening import open_any

    about = {"model": str(model), "device": "cpu"}
    return speed_report(
        lambda: open_any(model, device="cpu", threads=request.threads), about, request
    )


DEVICES: Mapping[str, Callable[[Path, SpeedRequest], dict[str, Any]]] = {"cpu": _on_cpu}
"""`--device` name -> how to measure there."""
