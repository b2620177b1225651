"""One engine to be built: what it depends on, and what its sidecar will say."""

import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from .build_memory import has_shared_memory
from .checksum import sha256_of, sha256_of_bytes
from .devices import oldest_tensorrt, require_int8
from .engine_cache import cache_key
from .engine_file import EngineFacts
from .engine_options import INT8, EngineOptions
from .errors import DeviceError, ModelError
from .gpu_identity import Gpu, find_gpu
from .int8_scales import CALIBRATION, Scales, load_scales, require_scales_of
from .int8_source import check_int8
from .layer_precisions import Shares
from .native_name import readable_name
from .onnx_facts import onnx_facts, weight_files
from .python_modules import version_numbers
from .spec import ModelSpec, spec_from_json, spec_to_json
from .tensorrt_flavour import Flavour

HALVED = ("float16", "int8+float16")
"""Precisions of a spec's provenance that have FP16 in the graph."""


class Job(NamedTuple):
    """One engine to be built, with what it depends on."""

    onnx: Path
    onnx_sha256: str
    weights_sha256: Dict[str, str]
    """By name, of the files beside it that hold weights."""
    spec: Optional[ModelSpec]
    flavour: Flavour
    gpu: Optional[Gpu]
    options: EngineOptions
    small_board: bool
    """Whether the GPU takes its memory from the same place as all else, see `build_memory`."""
    scales: Optional[Scales] = None
    """Of INT8 where TensorRT quantises by itself."""
    scales_sha256: Optional[str] = None
    """Of their file."""

    @property
    def leaves_out_libraries(self) -> bool:
        """Whether the build is to do without cuDNN and cuBLAS."""
        return self.small_board and self.flavour.can.library_tactics

    @property
    def key(self) -> str:
        """The hash of all that changes the plan."""
        parts: Dict[str, Any] = {
            "onnx": self.onnx_sha256,
            "flavour": self.flavour.name,
            "version": self.flavour.version,
            "gpu": None if self.gpu is None else list(self.gpu),
            "options": self.options._asdict(),
        }
        if self.weights_sha256:
            parts["weights"] = self.weights_sha256
        if self.leaves_out_libraries:
            parts["tactics"] = "without libraries"
        if self.scales_sha256 is not None:
            parts["scales"] = self.scales_sha256
        return cache_key(parts)

    @property
    def calibration_id(self) -> Optional[str]:
        """Of which calibration the INT8 is; None without, or where the model does not say it."""
        if self.scales is not None:
            return self.scales.calibration_id
        return None if self.spec is None else self.spec.provenance.get(CALIBRATION)

    @property
    def model_bytes(self) -> int:
        """The size of the model, weights beside it included."""
        files = [self.onnx, *(self.onnx.parent / name for name in self.weights_sha256)]
        return sum(file.stat().st_size for file in files)


def new_job(
    onnx: Path, flavour: Flavour, options: EngineOptions, scales: Optional[Path] = None
) -> Job:
    """Return the job; ModelError for a file that this TensorRT cannot take, DeviceError without
    the GPU that it needs, UsageError for scales that do not belong to it.

    scales: as of `engine_from_onnx`.
    """
    gpu = gpu_for(flavour, options.precision)
    facts = onnx_facts(onnx)
    spec = None if facts["spec_text"] is None else spec_from_json(facts["spec_text"])
    _check_types(onnx, facts["inputs"], spec, flavour)
    check_int8(onnx, flavour, options, scales)
    weights = {name: sha256_of(onnx.parent / name) for name in weight_files(onnx)}
    job = Job(onnx, sha256_of(onnx), weights, spec, flavour, gpu, options, has_shared_memory())
    if scales is None:
        return job
    chosen = load_scales(scales)
    require_scales_of(chosen, scales, onnx, job.onnx_sha256)
    return job._replace(scales=chosen, scales_sha256=sha256_of(scales))


def gpu_for(flavour: Flavour, precision: Optional[str] = None) -> Optional[Gpu]:
    """Return the GPU that the engine is built on, None for TensorRT-RTX.

    DeviceError without it, or when it is newer than this TensorRT, whose own error is a riddle, or
    does not compute in the precision at all: a Jetson Nano has no INT8.

    An engine that needs no GPU to be built must not depend on the one that happens to be there.
    """
    if flavour.can.compute_targets:
        return None
    gpu = find_gpu()
    if gpu is None:
        expected = "an NVIDIA GPU with its driver: {} builds on the GPU".format(flavour.title)
        raise DeviceError(expected, "none", "build on the device that the engine is for")
    if precision == INT8:
        require_int8(gpu.name, gpu.compute_capability)
    _require_known(gpu, flavour)
    return gpu


def facts_of(
    job: Job, plan: memoryview, tables: Dict[str, List[Dict[str, Any]]], shares: Shares
) -> EngineFacts:
    """Return what the sidecar says, but for the workspace and the time of the build."""
    return EngineFacts(
        key=job.key,
        plan_sha256=sha256_of_bytes(plan),
        plan_bytes=plan.nbytes,
        onnx_sha256=job.onnx_sha256,
        onnx_file=readable_name(job.onnx.name),
        flavour=job.flavour.name,
        version=job.flavour.version,
        gpu_name=None if job.gpu is None else job.gpu.name,
        compute_capabilities=_capabilities(job),
        precision=job.options.precision,
        precision_used=shares.used,
        layers_fp16=shares.fp16,
        layers_fp32=shares.fp32,
        precision_source=shares.source,
        inputs=tables["inputs"],
        outputs=tables["outputs"],
        options=dict(job.options._asdict()),
        workspace_mib=None,
        spec=None if job.spec is None else json.loads(spec_to_json(job.spec)),
        build_seconds=0.0,
        layers_int8=shares.int8,
        calibration_id=job.calibration_id,
    )


def _check_types(
    onnx: Path, inputs: List[Dict[str, Any]], spec: Optional[ModelSpec], flavour: Flavour
) -> None:
    dtypes = [value["dtype"] for value in inputs]
    if "uint8" in dtypes and not flavour.can.uint8:
        expected = "a model with float input: {} has no uint8".format(flavour.title)
        fix = "export it with `edgedet export MODEL --input float`"
        raise ModelError(expected, "uint8 in {}".format(onnx), fix)
    if spec is not None and spec.provenance.get("int8_form") == "cpu":
        expected = "INT8 in the form of TensorRT"
        fix = "give the .int8.tensorrt.onnx of the same export"
        raise ModelError(expected, "that of CPUs in {}".format(onnx), fix)
    if spec is None or not flavour.can.weakly_typed:
        return
    # 8.2 reads FP16 constants of Clip and Pad as if they were FP32, without a word.
    if spec.provenance.get("precision") in HALVED:
        expected = "a model in FP32: {} makes FP16 of it by itself".format(flavour.title)
        raise ModelError(expected, "FP16 in {}".format(onnx), "give the FP32 file of the export")


def _require_known(gpu: Gpu, flavour: Flavour) -> None:
    oldest = oldest_tensorrt(gpu.compute_capability)
    if version_numbers(flavour.version)[: len(oldest)] < oldest:
        wanted = ".".join(str(number) for number in oldest)
        expected = "TensorRT {} or newer for the {}".format(wanted, gpu)
        fix = "run: pip install 'tensorrt>={}'".format(wanted)
        raise DeviceError(expected, flavour.title, fix)


def _capabilities(job: Job) -> Tuple[str, ...]:
    if job.gpu is None:
        return job.options.compute_capabilities
    return (job.gpu.compute_capability,)
