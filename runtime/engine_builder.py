"""A TensorRT engine from an ONNX file, built on the machine that runs it (or, with TensorRT-RTX,
anywhere).
"""

import logging
import os
import time
from pathlib import Path
from typing import Any, List, Optional, Tuple, Union

from . import engine_cache
from .atomic import check_place
from .build_conditions import noted_conditions
from .build_families import WeaklyTyped, Work, family_of
from .build_marker import marked_build
from .build_memory import (
    MIB,
    Memory,
    check_memory,
    machine_memory,
    needed_bytes,
    workspace_bytes,
)
from .build_watch import BuildWatch, new_monitor, run_watched
from .candidates import Candidates
from .engine_file import EngineFacts, read_engine_facts, sidecar_path, write_engine
from .engine_gate import compared, reference_in
from .engine_job import Job, facts_of, new_job
from .engine_options import EngineOptions, check_options
from .errors import DeviceError, ModelError, UsageError
from .int8_network import Quantised, quantise
from .layer_precisions import Shares
from .network_parser import io_table, parse_onnx
from .onnx_facts import layer_outputs
from .tactic_sources import leave_out_libraries, try_libraries
from .tensorrt_flavour import TENSORRT_RTX, Flavour
from .tensorrt_log import is_out_of_memory, is_without_implementation
from .timing_cache import load_timings, save_timings, timing_file

_LOGGER = logging.getLogger("edgedet.engine")


def engine_from_onnx(
    onnx: Path,
    engine: Path,
    flavour: Flavour,
    options: EngineOptions,
    force: bool = False,
    scales: Optional[Path] = None,
) -> EngineFacts:
    """Write the engine of `onnx` to `engine`, and beside it the sidecar; return what it says.

    For precision `int8` TensorRT 8.2 to 10 takes the FP32 model and its scales.json as `scales`, or
    a model with Q/DQ without; TensorRT 11 and TensorRT-RTX the latter only. Any other precision
    takes no scales.

    An engine that was built before from the same model, by the same TensorRT, for the same GPU,
    with the same options, is taken from the cache unless `force`. Both files appear complete or
    not at all, Ctrl-C included.

    Raises ModelError for a graph that TensorRT refuses or whose precision is not the one asked,
    and for an engine that does not find what its model does, which is not kept; DeviceError when
    the machine cannot build it, UsageError for options that cannot be.
    """
    check_options(options, flavour.can.compute_targets, flavour.title)
    job = new_job(onnx, flavour, options, scales)
    reference = reference_in(onnx)
    _check_places(onnx, engine)
    if not force:
        kept = engine_cache.fetch(job.key, engine)
        if kept is not None:
            _LOGGER.info("%s: taken from the cache", engine)
            return _judged(job, engine, kept, reference)
    with marked_build(onnx, job.onnx_sha256):
        plan, facts = _build(job)
    write_engine(engine, plan, compared(plan, facts, reference, _folder_of(engine)))
    _LOGGER.info("%s: built in %.1f s by %s", engine, facts.build_seconds, facts.title)
    engine_cache.store(job.key, engine)
    return read_engine_facts(engine)


def _judged(
    job: Job, engine: Path, kept: EngineFacts, reference: Optional[List[Candidates]]
) -> EngineFacts:
    """Compare an engine that was kept uncompared, as one built without a GPU; a wrong one goes."""
    if kept.gate is not None:
        return kept
    plan = engine.read_bytes()
    try:
        facts = compared(plan, kept, reference, _folder_of(engine))
    except ModelError:
        engine_cache.remove(job.key, engine)
        raise
    if facts.gate is not None:
        write_engine(engine, plan, facts)
        engine_cache.store(job.key, engine)
    return facts


def _folder_of(engine: Path) -> Path:
    """Return where the file will lie, behind all links."""
    return Path(os.path.realpath(str(engine))).parent


def _check_places(onnx: Path, engine: Path) -> None:
    """Tell before the build what would spoil its end."""
    if os.path.realpath(str(engine)) == os.path.realpath(str(onnx)):
        found = "{}, which is the model".format(engine)
        raise UsageError("a file for the engine", found, "choose another name")
    for path in (engine, sidecar_path(engine)):
        check_place(path)


def _build(job: Job) -> "Tuple[Union[bytes, memoryview], EngineFacts]":
    memory = machine_memory()
    check_memory(memory, job.flavour.name, job.model_bytes)
    started = time.perf_counter()
    job.flavour.log.clear()
    work = _new_work(job.flavour)
    parser = parse_onnx(job.flavour, work.network, job.onnx)
    family = family_of(job.flavour)
    workspace = _set_workspace(job, work.config, memory)
    family.prepare(work, job.options)
    quantised = _quantise(job, work)
    with noted_conditions(job.gpu) as conditions:
        plan, left_out = _plan(job, work, parser)
    covered = None
    if quantised is not None:
        covered = dict(quantised.facts, scales_sha256=job.scales_sha256)
    del parser, quantised  # the memory of weights and biases
    shares = family.precisions(work, plan)
    _require_precision(job, shares)
    seconds = time.perf_counter() - started
    facts = facts_of(job, memoryview(plan), io_table(work.network), shares)
    options = dict(facts.options, tactics_left_out=left_out)
    facts = facts._replace(options=options, workspace_mib=workspace, build_seconds=seconds)
    facts = facts._replace(quantised=covered)
    return plan, facts._replace(**conditions)


def _new_work(flavour: Flavour) -> Work:
    """The builder and what it makes; TensorRT answers with an exception of pybind11 or None."""
    try:
        builder = flavour.module.Builder(flavour.log)
    except (TypeError, RuntimeError) as error:
        found = flavour.log.cause()
        fix = "check the GPU, its driver and CUDA, for example with nvidia-smi"
        raise DeviceError("{} to start".format(flavour.title), found, fix) from error
    network = builder.create_network(family_of(flavour).network_flags())
    return Work(builder, network, builder.create_builder_config())


def _quantise(job: Job, work: Work) -> Optional[Quantised]:
    """Tell TensorRT what the scales say, if there are any; the result lives until it has built."""
    family = family_of(job.flavour)
    if job.scales is None or not isinstance(family, WeaklyTyped):
        return None
    float_type = family.float_type(work)
    outputs = layer_outputs(job.onnx)
    return quantise(job.flavour, work.network, job.scales, float_type, outputs)


def _set_workspace(job: Job, config: Any, memory: Optional[Memory]) -> Optional[int]:
    """Limit what the builder tries out; return the limit in MiB, None for TensorRT's own."""
    if job.options.workspace_mib is not None:
        limit = job.options.workspace_mib * MIB
    elif job.flavour.name == TENSORRT_RTX:
        return None  # it times nothing when it builds
    else:
        need = needed_bytes(job.flavour.name, job.model_bytes)
        limit = workspace_bytes(memory, need, job.small_board)
    if job.flavour.can.workspace_pool:
        pool = job.flavour.module.MemoryPoolType.WORKSPACE
        config.set_memory_pool_limit(pool, limit)
    else:
        config.max_workspace_size = limit
    return limit // MIB


def _plan(job: Job, work: Work, parser: Any) -> "Tuple[Union[bytes, memoryview], List[str]]":
    """Return the plan and the names of the libraries without whose kernels it was made.

    A small board is not to start them; but a layer that nothing else does needs them.
    """
    trt, left_out = job.flavour.module, []
    if job.leaves_out_libraries:
        left_out = leave_out_libraries(trt, work.config)
    names = ", ".join(left_out)
    if left_out:
        _LOGGER.info("to save memory the kernels of %s are left out", names)
    plan = _attempt(job, work, parser)
    if plan is None and left_out and is_without_implementation(job.flavour.log.cause()):
        _LOGGER.info("built once more, with the kernels of %s: %s", names, job.flavour.log.cause())
        job.flavour.log.clear()
        try_libraries(trt, work.config, left_out)
        plan, left_out = _attempt(job, work, parser), []
    if plan is None:
        raise _failure(job)
    return plan, left_out


def _attempt(job: Job, work: Work, parser: Any) -> "Union[bytes, memoryview, None]":
    """Build; the cause of a failure is in TensorRT's log. parser: it holds the weights."""
    flavour = job.flavour
    watch = BuildWatch(flavour.log)
    monitor = new_monitor(flavour.module, watch) if flavour.can.progress else None
    if monitor is not None:
        work.config.progress_monitor = monitor
    timings = timing_file(flavour, job.gpu)
    if flavour.can.timing_cache:
        load_timings(work.config, timings)

    def build() -> Any:
        # Ctrl-C leaves a TensorRT before 10 at work: what it reads lives as long as this call.
        return work.builder.build_serialized_network(work.network, work.config), parser

    plan: "Union[bytes, memoryview, None]" = run_watched(build, watch)[0]
    if plan is not None and flavour.can.timing_cache:
        save_timings(work.config, timings)
    return plan


def _failure(job: Job) -> "Union[DeviceError, ModelError]":
    cause = job.flavour.log.cause()
    expected = "{} to build {}".format(job.flavour.title, job.onnx)
    if is_out_of_memory(cause):
        fix = "close what else uses the GPU, lower the workspace or the size of the input"
        return DeviceError(expected, cause, fix)
    return ModelError(expected, cause, "change the part of the model that it names")


def _require_precision(job: Job, shares: Shares) -> None:
    """A precision that was asked and is not there would only show as a slow engine."""
    if not shares.satisfies(job.options.precision):
        expected = "an engine in {}, as was asked".format(job.options.precision.upper())
        fix = "build it with another precision if that is enough"
        raise ModelError(expected, "layers: {}".format(shares), fix)
