"""An engine on disk: the pure plan, and beside it a JSON file that says what it is.

The plan has no header, so that trtexec and Triton load it too. No call of TensorRT tells whether
a plan is whole or fits a GPU before it is loaded; so the sidecar does.
"""

import hashlib
import json
import shlex
import shutil
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Union

from .atomic import atomic_paths
from .checksum import sha256_of
from .errors import DeviceError, ModelError
from .gpu_identity import Gpu
from .tensorrt_flavour import TENSORRT_RTX, TITLES

SCHEMA_VERSION = 3


class EngineFacts(NamedTuple):
    """What the sidecar says, as plain JSON types."""

    key: str
    """SHA-256 of everything that the plan depends on; see `engine_cache`."""
    plan_sha256: str
    plan_bytes: int
    onnx_sha256: str
    onnx_file: str
    """Its name, without a folder: to be looked for, not to be relied on."""
    flavour: str
    version: str
    gpu_name: Optional[str]
    """Of the GPU that it was built on; None for an engine built without one."""
    compute_capabilities: Tuple[str, ...]
    """Of the GPUs that it runs on."""
    precision: str
    """As it was asked."""
    precision_used: Optional[str]
    """As it was found in the engine; None when that cannot be read."""
    layers_fp16: int
    layers_fp32: int
    precision_source: str
    inputs: List[Dict[str, Any]]
    """name, dtype and shape of each."""
    outputs: List[Dict[str, Any]]
    options: Dict[str, Any]
    workspace_mib: Optional[int]
    """That the build was given; None: TensorRT's own."""
    spec: Optional[Dict[str, Any]]
    """The `ModelSpec`; None for a foreign model."""
    build_seconds: float
    clocks_mhz: Dict[str, float] = {}
    """Highest during the build, by part as `gpu`; {} where none could be read."""
    power_mode: Optional[str] = None
    gate: Optional[Dict[str, Any]] = None
    """How far it is from its model, see `engine_gate`; None: not compared on a GPU yet."""
    layers_int8: int = 0
    calibration_id: Optional[str] = None
    """Of its INT8, see `int8_scales`; None without, or of a graph that does not say it."""
    quantised: Optional[Dict[str, Any]] = None
    """What its scales covered, see `int8_network.Quantised`, and the `scales_sha256` of their file;
    None without scales."""

    @property
    def title(self) -> str:
        """Name and version of the TensorRT that built it."""
        return "{} {}".format(TITLES[self.flavour], self.version)

    @property
    def device(self) -> str:
        """What it was built for, for people."""
        capabilities = "compute capability " + ", ".join(self.compute_capabilities)
        return "{} ({})".format(self.gpu_name, capabilities) if self.gpu_name else capabilities

    def about(self) -> Dict[str, Any]:
        """Return what a measurement says of it, besides and in place of what its spec says."""
        return {
            "device": self.device,
            "backend": self.title,
            "precision": self.precision_used or self.precision,
            "build_seconds": self.build_seconds,
        }


def sidecar_path(engine: Path) -> Path:
    """Return where the sidecar of an engine lies."""
    return engine.with_name(engine.name + ".json")


def write_engine(engine: Path, plan: "Union[bytes, memoryview]", facts: EngineFacts) -> None:
    """Write both files, or neither: UsageError or OSError leave what was there before."""
    values: Dict[str, Any] = {"schema_version": SCHEMA_VERSION}
    values.update(facts._asdict())
    values["sidecar_sha256"] = _sha256_of_values(values)
    with atomic_paths(engine, sidecar_path(engine)) as (plan_file, json_file):
        with plan_file.open("wb") as stream:
            stream.write(plan)
        json_file.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def copy_engine(source: Path, target: Path) -> EngineFacts:
    """Copy both files, or neither, and return what the sidecar says.

    Raises ModelError when the copy is not whole, as when the source was replaced meanwhile, and
    OSError when it was removed.
    """
    with atomic_paths(target, sidecar_path(target)) as (plan_file, json_file):
        shutil.copyfile(str(source), str(plan_file))
        shutil.copyfile(str(sidecar_path(source)), str(json_file))
        facts = _read_sidecar(json_file)
        _check_plan(plan_file, facts)
    return facts


def read_engine_facts(engine: Path) -> EngineFacts:
    """Return what the sidecar says of the engine, after checking that it speaks of this plan.

    ModelError when one of the two is missing, damaged, edited, or belongs to another.
    """
    if not engine.is_file():
        raise ModelError("an engine at {}".format(engine), "no such file", "check the path")
    facts = read_sidecar(engine)
    _check_plan(engine, facts)
    return facts


def read_sidecar(engine: Path) -> EngineFacts:
    """Return what the sidecar says, without a look at the plan; ModelError for a damaged one."""
    return _read_sidecar(sidecar_path(engine))


def require_fit(engine: Path, facts: EngineFacts, version: str, gpu: Optional[Gpu]) -> None:
    """Raise DeviceError unless the engine was built for this TensorRT and this GPU.

    version: of the installed TensorRT of the engine's flavour. gpu: None where there is none.
    """
    here = "{} {} on {}".format(TITLES[facts.flavour], version, gpu or "a machine without a GPU")
    if fits(facts, version, gpu):
        return
    expected = "{} on {}, for which {} was built".format(facts.title, facts.device, engine)
    raise DeviceError(expected, here, "build it again here: " + rebuild_command(facts))


def rebuild_command(facts: EngineFacts) -> str:
    """Return what makes the engine anew, to be typed where the ONNX file is."""
    words = ["python3 -m edgedet.runtime.build_engine", shlex.quote(facts.onnx_file)]
    words += ["--precision", facts.precision]
    if facts.quantised is not None:
        words += ["--scales", "scales.json"]
    if facts.flavour == TENSORRT_RTX:
        words += ["--flavour", facts.flavour]
        for capability in facts.compute_capabilities:
            words += ["--compute-capability", capability]
    return " ".join(words)


def fits(facts: EngineFacts, version: str, gpu: Optional[Gpu]) -> bool:
    """Whether the engine was built for this TensorRT and this GPU.

    An engine with a GPU's name was timed on that GPU: on another it is slow or refused.
    """
    if gpu is None or version != facts.version:
        return False
    known = gpu.compute_capability in facts.compute_capabilities
    return known and facts.gpu_name in (None, gpu.name)


def _check_plan(plan: Path, facts: EngineFacts) -> None:
    found = sha256_of(plan)
    if found != facts.plan_sha256:
        expected = "{} with SHA-256 {}..., as its sidecar says".format(plan, facts.plan_sha256[:12])
        raise ModelError(expected, found[:12] + "...", "build it again: " + rebuild_command(facts))


def _sha256_of_values(values: Dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode("utf-8")).hexdigest()


def _read_sidecar(path: Path) -> EngineFacts:
    fix = "build the engine again; an engine and its .json belong together"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        found = "{} ({})".format(path, error.strerror)
        raise ModelError("the sidecar of an engine", found, fix) from error
    except (ValueError, RecursionError) as error:
        raise ModelError("JSON in {}".format(path), str(error), fix) from error
    if not isinstance(values, dict) or "sidecar_sha256" not in values:
        raise ModelError("the sidecar of an engine", "{} without its hash".format(path), fix)
    if values.pop("sidecar_sha256") != _sha256_of_values(values):
        raise ModelError("a sidecar as it was written", "{}, which was changed".format(path), fix)
    version = values.pop("schema_version")
    if version != SCHEMA_VERSION or set(values) != set(EngineFacts._fields):
        expected = "a sidecar of schema version {}".format(SCHEMA_VERSION)
        found = "version {!r} in {}".format(version, path)
        raise ModelError(expected, found, "build the engine again with this edgedet")
    values["compute_capabilities"] = tuple(values["compute_capabilities"])
    return EngineFacts(**values)
