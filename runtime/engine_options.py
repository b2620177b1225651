"""What the user wants of an engine."""

import re
from typing import NamedTuple, Optional, Tuple

from .errors import UsageError

FLOAT_PRECISIONS = ("fp32", "fp16")
INT8 = "int8"
PRECISIONS = (*FLOAT_PRECISIONS, INT8)
_CAPABILITY = re.compile(r"[1-9][0-9]*\.[0-9]$")


class EngineOptions(NamedTuple):
    """Everything that changes the plan, besides the model and the TensorRT that builds it."""

    precision: str = "fp16"
    """`fp16`, `fp32` or `int8`, which has FP16 around it where the GPU is faster so. Inputs and
    outputs are those of the ONNX file in all."""
    compute_capabilities: Tuple[str, ...] = ()
    """Of the GPUs that one engine is to run on, as `8.6`: TensorRT-RTX only, which builds without
    a GPU. Empty for any other TensorRT: an engine fits the GPU that it was built on."""
    workspace_mib: Optional[int] = None
    """Most memory that the builder may try out. None: as much as is good for this machine."""


def check_options(options: EngineOptions, names_targets: bool, title: str) -> None:
    """Raise UsageError for a value that cannot be, with the TensorRT called `title`.

    names_targets: whether it builds for named compute capabilities.
    """
    if options.precision not in PRECISIONS:
        expected = "a precision among {}".format(", ".join(PRECISIONS))
        raise UsageError(expected, str(options.precision), "choose one of them")
    if options.workspace_mib is not None and options.workspace_mib < 1:
        found = "{} MiB".format(options.workspace_mib)
        raise UsageError("a workspace of at least 1 MiB", found, "leave it out to have it chosen")
    if options.compute_capabilities and not names_targets:
        found = "{} for {}".format(", ".join(options.compute_capabilities), title)
        fix = "leave them out and build on the GPU that the engine is for"
        raise UsageError("compute capabilities with TensorRT-RTX only", found, fix)
    if names_targets and not options.compute_capabilities:
        fix = "name at least one, such as 8.6"
        raise UsageError("compute capabilities to build for with " + title, "none", fix)
    for name in options.compute_capabilities:
        # As drivers write it: an engine for `86` would be found to fit no GPU.
        if not _CAPABILITY.match(name):
            raise UsageError("compute capabilities written as 8.6", repr(name), "correct it")
