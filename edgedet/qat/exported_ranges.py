"""The ranges of a checkpoint, written into the graph that is exported from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from edgedet.calibration.trained_ranges import write_trained_ranges

from .plan import Int8Plan
from .sites import int8_sites

if TYPE_CHECKING:
    from onnx import ModelProto


def write_ranges_of(model: Any, graph: ModelProto) -> None:
    """Put the ranges that `model` was trained with, if it was with any, into `graph`.

    model: as `model_from_checkpoint` returns it. graph: as `graph_from_torch` makes it of the
    model. The tensors are found again by their modules: their names are another exporter's whim.
    """
    plan: Int8Plan | None = getattr(model, "int8_plan", None)
    if plan is None:
        return
    assert isinstance(model, nn.Module)
    write_trained_ranges(graph, int8_sites(model, graph).amax(plan))
