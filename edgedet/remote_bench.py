"""A benchmark on another machine: the model's bundle goes there, and its report comes back."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgedet.bench_place import CPU, RTX, Place, place_named
from edgedet.calm import load_in, wait_after_work
from edgedet.engine_speed import DEFAULT_PRECISION
from edgedet.onnx_form import NAME, TARGETS, onnx_form
from edgedet.remote import Remote
from edgedet.remote_answers import facts_of, gpu_of, line_named, measurement_of
from edgedet.runtime.diagnosis import MISSING
from edgedet.runtime.engine_cache import FOLDER_VARIABLE
from edgedet.runtime.errors import DeviceError, UsageError

if TYPE_CHECKING:
    from edgedet.bench_run import BenchRequest
    from edgedet.runtime.speed_report import SpeedRequest

BUNDLE = "model.pyz"
CACHE = "cache"
"""Folder in the remote one for what the bundle unpacks and builds."""
PYTHON = "python3"
BINDINGS = ("TensorRT for Python", "TensorRT-RTX for Python")
"""Lines of the doctor, one of which is needed for engines."""


def measure_there(request: BenchRequest, host: str) -> dict[str, Any]:
    """Return the report of a benchmark on `host`, with the host's name in it.

    With a Jetson or RTX card named, that has to be there, and an engine is built and measured;
    with none, whatever the host has: its GPU, else its CPU.

    Raises DeviceError for a host that cannot be reached or lacks what it takes, UsageError for a
    source that is no file, and what making the bundle raises.
    """
    place = None if request.device is None else place_named(request.device)
    source = _source_name(request.speed.source)
    with _bundle(request.model, place) as bundle, Remote(host, keep=request.keep) as there:
        board = _Board(there)
        board.require_python()
        there.send(bundle, BUNDLE)
        if source is not None:
            there.send(Path(request.speed.source or ""), source)
        engine = _is_engine_wanted(board.facts("doctor"), place, host)
        precision = request.precision or DEFAULT_PRECISION
        if engine:
            board.build(precision)
        backend = ["--backend", "tensorrt", "--precision", precision]
        words = backend if engine else ["--backend", "onnxruntime"]
        report = board.facts("bench", *words, *_settings(request.speed, source))
        report = measurement_of(host, report)
    report.update(model=str(request.model), host=host)
    if source is not None:
        report.update(source=request.speed.source)
    return report


class _Board:
    """What the bundle's verbs answer there."""

    def __init__(self, there: Remote) -> None:
        self._there = there
        # Where the driver keeps kernels that it compiled: its default is in the home folder.
        folder = f"{there.folder}/{CACHE}"
        self._environ = {FOLDER_VARIABLE: folder, "CUDA_CACHE_PATH": f"{folder}/cuda"}

    def require_python(self) -> None:
        answer = self._there.run([PYTHON, "--version"])
        if answer.code:
            found, fix = f"no {PYTHON}", "install it there, for example: sudo apt install python3"
            raise DeviceError(f"Python 3.6 or newer on {self._there.host}", found, fix)

    def build(self, precision: str) -> None:
        started = time.monotonic()
        self.facts("build", "--precision", precision)
        wait_after_work(time.monotonic() - started, self._load)

    def _load(self) -> float | None:
        return load_in(self._there.run(["sh", "-c", "cat /proc/loadavg; nproc"]).out)

    def facts(self, *words: str) -> dict[str, Any]:
        # -u: what it logs while it builds for half an hour is to be seen now.
        answer = self._there.run([PYTHON, "-u", BUNDLE, *words, "--json"], self._environ)
        return facts_of(self._there.host, f"{BUNDLE} {words[0]}", answer)


def _is_engine_wanted(doctor: dict[str, Any], place: Place | None, host: str) -> bool:
    """Whether to build an engine there; DeviceError for a machine that cannot do what is asked."""
    if line_named(doctor, "numpy").get("status") == MISSING:
        fix = "install it there: sudo apt install python3-numpy, or pip install numpy"
        raise DeviceError(f"numpy for {PYTHON} on {host}", "none", fix)
    if place is not None and place.name == CPU:
        return False
    gpu = gpu_of(doctor)
    if place is None:
        return gpu is not None and any(_is_there(doctor, name) for name in BINDINGS)
    if gpu is None or not place.is_met_by(gpu):
        found = gpu.model if gpu else "no NVIDIA GPU"
        fix = "leave --device out to measure what is there"
        raise DeviceError(f"--device {place.name} at {host}", found, fix)
    return True


def _is_there(doctor: dict[str, Any], name: str) -> bool:
    status: str = line_named(doctor, name).get("status", MISSING)
    return status != MISSING


@contextmanager
def _bundle(model: Path, place: Place | None) -> Iterator[Path]:
    """Yield the bundle of a checkpoint or ONNX file, which lives as long as the block."""
    from edgedet.bundle_export import export_bundle
    from edgedet.model_export import Request

    kind = place.device.kind if place is not None and place.device is not None else ""
    exported_for = TARGETS.get(kind, TARGETS["jetson"])
    with onnx_form(model, exported_for) as onnx, tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / NAME  # an FP16 form lies beside the model: not beside the user's
        link.symlink_to(onnx.resolve())
        bundle = Path(folder) / BUNDLE
        # Only RTX takes its precision from the graph; a Jetson says itself what it refuses.
        export_bundle(Request(link, target=RTX if kind == RTX else None), bundle)
        yield bundle


def _source_name(source: str | None) -> str | None:
    if source is None:
        return None
    if not Path(source).is_file():
        found = f"{source}, which is no file here"
        raise UsageError("an image or a video as --source with --host", found, "name one file")
    return f"source{Path(source).suffix}"


def _settings(speed: SpeedRequest, source: str | None) -> Sequence[str]:
    words = ["--iterations", str(speed.iterations), "--warmup", str(speed.warmup)]
    words += ["--sustain", str(speed.sustain_s)] if speed.sustain_s else []
    words += ["--threads", str(speed.threads)] if speed.threads is not None else []
    return words + (["--source", source] if source is not None else [])
