"""One run of `edgedet bench`: measured here, measured over ssh, or estimated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgedet.bench_place import CPU, Place, gpu_here, place_named
from edgedet.engine_speed import measure_built, measure_engine
from edgedet.opening import is_engine
from edgedet.runtime.engine_options import FLOAT_PRECISIONS
from edgedet.runtime.errors import UsageError
from edgedet.runtime.machine import Machine
from edgedet.runtime.speed_report import SpeedRequest


@dataclass(frozen=True)
class BenchRequest:
    """What to measure, where and how."""

    model: Path
    speed: SpeedRequest
    device: str | None = None
    """`cpu`, `rtx`, `jetson` or a name of the table; None: the CPU here, or on a host whatever it
    does best."""
    precision: str | None = None
    """Of an engine: fp32 or fp16; None: FP16 where one is built, both in an estimate."""
    host: str | None = None
    """Where ssh gets to, as `user@board`; None: no further than here."""
    keep: bool = False
    """Leave on the host what was copied and built there."""


def bench_report(request: BenchRequest, machine: Machine | None = None) -> dict[str, Any]:
    """Return what was measured (`kind` is `measured`), or an estimate (`estimate`).

    machine: where to look for a GPU; default: this one. An estimate is made only for a device that
    is neither here nor on a host: the two never mix.
    """
    _check(request)
    if request.host is not None:
        from edgedet.remote_bench import measure_there

        return measure_there(request, request.host)
    if request.device is None and is_engine(request.model):
        return measure_engine(request.model, request.speed)
    place = place_named(request.device or CPU)
    if place.device is None:
        return _on_cpu(request)
    gpu = gpu_here(place, machine)
    if gpu is None:
        return _estimate(request, place)
    if is_engine(request.model):
        return measure_engine(request.model, request.speed)
    return measure_built(request.model, gpu, request.precision, request.speed)


def _check(request: BenchRequest) -> None:
    if request.keep and request.host is None:
        raise UsageError("--host with --keep", "--keep alone", "name the host, or leave it out")
    if request.precision is not None and request.precision not in FLOAT_PRECISIONS:
        expected = f"--precision {' or '.join(FLOAT_PRECISIONS)}"
        raise UsageError(expected, request.precision, "leave it out for the default")


def _on_cpu(request: BenchRequest) -> dict[str, Any]:
    from edgedet.speed import measure_on_cpu

    if request.precision is not None:
        fix = "leave it out: on the CPU the model runs as it is"
        raise UsageError("--precision with a GPU only", request.precision, fix)
    return measure_on_cpu(request.model, request.speed)


def _estimate(request: BenchRequest, place: Place) -> dict[str, Any]:
    from edgedet.estimate import estimate_speed

    assert place.device is not None
    _require_nothing_to_run(request.speed, place)
    return estimate_speed(request.model, place.device, request.precision)


def _require_nothing_to_run(speed: SpeedRequest, place: Place) -> None:
    """Raise UsageError for flags that an estimate would pass over in silence."""
    given = {"--source": speed.source, "--threads": speed.threads, "--sustain": speed.sustain_s}
    idle = [name for name, value in given.items() if value]
    if idle:
        expected = f"a {place.name} here or at --host for {' and '.join(idle)}"
        fix = "name the host, or leave them out for an estimate"
        raise UsageError(expected, "neither", fix)
