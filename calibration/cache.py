"""The calibration cache of one model, for trtexec: see `edgedet.runtime.calibration_cache`."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from edgedet.runtime.calibration_cache import cache_header
from edgedet.runtime.errors import ModelError

from .affine import symmetric
from .engine_scales import ranged_tensors
from .layers import layer_name
from .placement import int8_layers

if TYPE_CHECKING:
    from onnx import ModelProto

    from edgedet.runtime.int8_scales import Scales

OLDEST = (8, 2, 1)
"""The TensorRT whose first line a cache gets when that of the device is not known yet."""


def model_cache(model: ModelProto, scales: Scales, version: tuple[int, ...] = OLDEST) -> str:
    """Return the cache of a model in FP32.

    It has the tensors that INT8 layers touch, but neither what the last learned layers make nor
    what those read that the accuracy gate sent back: what makes or reads a tensor without a range
    stays in float. Biases it cannot tell. Raises ModelError as `cache_text` does.
    """
    amax = scales.amax
    left_out = _read_in_float(model, scales)
    told = (name for name in ranged_tensors(model) if name in amax and name not in left_out)
    return cache_text({name: amax[name] for name in told}, version)


def _read_in_float(model: ModelProto, scales: Scales) -> set[str]:
    nodes = (model.graph.node[index] for index in int8_layers(model.graph))
    return {node.input[0] for node in nodes if layer_name(node) in scales.float_layers}


def cache_text(amax: Mapping[str, float], version: tuple[int, ...]) -> str:
    """Return the cache for tensors with these largest |x|, in their order.

    version: of the TensorRT that will read it. Raises ModelError for a tensor whose name does not
    fit on a line, and for a largest value that is not finite.
    """
    lines = [cache_header(version)]
    for name, value in amax.items():
        if not name or not name.isprintable():
            raise ModelError("printable names of tensors", repr(name), "rename it and export again")
        if not 0 <= value < np.inf:
            fix = "calibrate again"
            raise ModelError(f"a finite range of {name}", str(value), fix)
        lines.append(f"{name}: {struct.pack('>f', symmetric(value).scale).hex()}")
    return "\n".join(lines) + "\n"
