"""What of a bundle runs on this machine: an engine that was built for it, else ONNX Runtime."""

import logging
import os
from argparse import Namespace
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Tuple

from .bundle_file import Bundle
from .engine_cache import engines_of
from .engine_file import EngineFacts, fits, rebuild_command
from .errors import DeviceError, EdgedetError, UsageError
from .gpu_identity import find_gpu
from .tensorrt_flavour import TENSORRT, TENSORRT_RTX, open_flavour

if TYPE_CHECKING:
    from .detector import Detector

AUTO, ENGINE, ONNX = "auto", "tensorrt", "onnxruntime"
BACKENDS = (AUTO, ENGINE, ONNX)
FLAVOURS = (TENSORRT, TENSORRT_RTX)
PREFERRED = ("fp16", "int8", "fp32")
"""Of several engines. FP16 costs next to no accuracy and INT8 some, so that where both were built
INT8 is taken when it is asked for; alone it is what somebody built to be used."""
GET_ONE = "install one: TensorRT is part of JetPack; elsewhere run: pip install onnxruntime"

_LOGGER = logging.getLogger("edgedet.bundle")


class Wish(NamedTuple):
    """What the user wants it to run on, and with."""

    backend: str = AUTO
    precision: Optional[str] = None
    """None: the engine that was built, see `PREFERRED`, else FP32 by ONNX Runtime."""
    threads: Optional[int] = None
    """Of ONNX Runtime; None: one per physical core."""


def wish_of(arguments: Namespace) -> Wish:
    """Return what the words of the command line say."""
    return Wish(arguments.backend, arguments.precision, arguments.threads)


class Choice(NamedTuple):
    """What will run."""

    file: Path
    facts: Optional[EngineFacts]
    """None: an ONNX file."""

    @property
    def device(self) -> str:
        """Where it runs."""
        return "cpu" if self.facts is None else self.facts.device

    def about(self) -> Dict[str, Any]:
        """What a measurement says of it, besides and in place of what the model's spec says."""
        if self.facts is None:
            return {"device": self.device, "backend": "ONNX Runtime"}
        return self.facts.about()


def choose(bundle: Bundle, wish: Wish) -> Choice:
    """Return what runs. Where it is no engine and that may surprise, the log says why.

    Raises DeviceError when nothing here can do what was asked, with the command that mends it.
    """
    if wish.backend == ONNX:
        return _onnx(bundle, wish)
    if bundle.adaptation is not None:
        return _foreign(bundle, wish)
    built = _of_precision(built_engines(bundle), wish.precision)
    fitting = [(file, facts) for file, facts in built if fits_here(facts)]
    if not fitting:
        return _without_engine(bundle, wish, built)
    file, facts = min(fitting, key=lambda item: PREFERRED.index(item[1].precision))
    return _used(file, facts)


def fitting_engine(bundle: Bundle, precision: str) -> Optional[Choice]:
    """Return the newest engine of that precision that runs here, None when there is none."""
    for file, facts in _of_precision(built_engines(bundle), precision):
        if fits_here(facts):
            return _used(file, facts)
    return None


def open_choice(bundle: Bundle, choice: Choice, wish: Wish, **thresholds: Any) -> "Detector":
    """Return the detector of what was chosen. thresholds: as of `open_detector`."""
    from .detector import open_detector  # it imports numpy, which the doctor does without

    try:
        return open_detector(choice.file, threads=wish.threads, **thresholds)
    except EdgedetError as error:
        if choice.facts is None:
            raise
        here = "{} build --force --precision {}".format(bundle.command, choice.facts.precision)
        fix = error.fix.replace(rebuild_command(choice.facts), here)
        raise type(error)(error.expected, error.found, fix) from error


def built_engines(bundle: Bundle) -> List[Tuple[Path, EngineFacts]]:
    """Return the engines of the bundle's models that are kept here, newest first; those of other
    scales are none of it.
    """
    scales = None if bundle.scales is None else bundle.scales.sha256
    built = engines_of([model.sha256 for model in bundle.models.values()])
    return [item for item in built if _scales_of(item[1]) in (None, scales)]


def fits_here(facts: EngineFacts) -> bool:
    """Whether the engine was built for the TensorRT and the GPU that are here."""
    if find_spec(facts.flavour) is None:
        return False
    try:
        version = open_flavour(facts.flavour).version
    except DeviceError as error:
        _LOGGER.warning("%s", error)
        return False
    return fits(facts, version, find_gpu())


def installed_flavours() -> List[str]:
    """Return the TensorRTs that can be imported, the classic one first; nothing is imported."""
    return [name for name in FLAVOURS if find_spec(name) is not None]


def _scales_of(facts: EngineFacts) -> Optional[str]:
    """The SHA-256 of the scales that went into an engine."""
    return None if facts.quantised is None else facts.quantised["scales_sha256"]


def _of_precision(
    engines: List[Tuple[Path, EngineFacts]], precision: Optional[str]
) -> List[Tuple[Path, EngineFacts]]:
    return [item for item in engines if precision in (None, item[1].precision)]


def _used(file: Path, facts: EngineFacts) -> Choice:
    with suppress(OSError):  # a cache that others own
        os.utime(str(file), None)  # used now: it is kept the longest
    return Choice(file, facts)


def _onnx(bundle: Bundle, wish: Wish) -> Choice:
    if wish.precision not in (None, "fp32"):
        found = "--precision {}".format(wish.precision)
        fix = "leave --precision or --backend out"
        raise UsageError("fp32 with --backend {}".format(ONNX), found, fix)
    return Choice(bundle.model_file(), None)


def require_own(bundle: Bundle) -> None:
    """Raise DeviceError for a model that others trained: its engine would be one without a spec."""
    if bundle.adaptation is not None:
        fix = "run it in ONNX Runtime: --backend {}".format(ONNX)
        raise DeviceError("a model of edgedet for an engine", "one that others trained", fix)


def _foreign(bundle: Bundle, wish: Wish) -> Choice:
    if wish.backend == ENGINE or wish.precision == "fp16":
        require_own(bundle)
    if find_spec("onnxruntime") is None:
        fix = "run: pip install onnxruntime"
        raise DeviceError("ONNX Runtime for a model that others trained", "none", fix)
    return _onnx(bundle, wish)


def _without_engine(bundle: Bundle, wish: Wish, built: List[Tuple[Path, EngineFacts]]) -> Choice:
    flavours = installed_flavours()
    found = "none that was built"
    if built:
        facts = built[0][1]
        found = "only one for {} on {}".format(facts.title, facts.device)
    precision = "an engine" if wish.precision is None else "an {} engine".format(wish.precision)
    has_onnx = find_spec("onnxruntime") is not None
    build = "run: {} build".format(bundle.command)
    if wish.precision not in (None, "fp32"):
        build += " --precision {}".format(wish.precision)
        raise DeviceError(precision + " for this machine", found, build)
    if wish.backend == ENGINE or (flavours and not has_onnx):
        raise DeviceError(precision + " for this machine", found, build)
    if not has_onnx:
        raise DeviceError("TensorRT or ONNX Runtime", "neither", GET_ONE)
    if built or flavours:
        line = "ONNX Runtime on the CPU runs it: expected %s for this machine, found %s; %s"
        _LOGGER.warning(line, precision, found, build)
    return _onnx(bundle, wish)
