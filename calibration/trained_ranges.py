"""Ranges that a network was trained with: they travel in the ONNX file, and win over calibrated
ones. Its weights have learnt to live with these, to the bit, and with no others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgedet.runtime.errors import ModelError
from edgedet.runtime.int8_scales import Clip, Scale, Scales

if TYPE_CHECKING:
    from onnx import ModelProto

RANGES_KEY = "edgedet.int8_ranges"
"""Of `metadata_props`: JSON, the amax of each tensor by its name."""


def write_trained_ranges(model: ModelProto, amax: Mapping[str, float]) -> None:
    """Put the amax of each tensor that was trained in INT8 into the model's metadata."""
    kept = [(entry.key, entry.value) for entry in model.metadata_props if entry.key != RANGES_KEY]
    del model.metadata_props[:]
    for key, value in [*kept, (RANGES_KEY, json.dumps(dict(amax), sort_keys=True))]:
        model.metadata_props.add(key=key, value=value)


def trained_ranges(model: ModelProto) -> dict[str, float]:
    """Return the amax of each tensor that was trained in INT8; empty for any other network.

    Raises ModelError for metadata that is no such table.
    """
    text = next((entry.value for entry in model.metadata_props if entry.key == RANGES_KEY), "{}")
    try:
        found = {str(name): float(amax) for name, amax in json.loads(text).items()}
        valid = all(0 < amax < float("inf") for amax in found.values())
    except (ValueError, TypeError, AttributeError, RecursionError):
        valid = False
    if not valid:
        fix = "export the checkpoint again"
        raise ModelError(f"a table of ranges in {RANGES_KEY}", "something else", fix)
    return found


def with_trained_ranges(scales: Scales, model: ModelProto) -> Scales:
    """Return `scales` with the ranges that `model` was trained with, where it has any.

    What the tensors held stays the range of asymmetric scales, within the trained one. A name that
    the scales do not know is passed over: the input, of which a graph of uint8 pixels makes
    another tensor.
    """
    tensors = dict(scales.tensors)
    for name, amax in trained_ranges(model).items():
        if name in tensors:
            low, high = tensors[name].clip
            tensors[name] = Scale(amax, Clip(max(low, -amax), min(high, amax)))
    return scales._replace(tensors=tensors)
