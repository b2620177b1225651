"""The ONNX file that engines, bundles and INT8 are made of: exported now, or there already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from edgedet.export.onnx_file import load_onnx
from edgedet.export.targets import target_named
from edgedet.export_form import require_fit
from edgedet.export_recipe import OF_THE_GRAPH, ExportRecipe, recipe_of_graph
from edgedet.model_export import Report, Request, export_model
from edgedet.runtime.errors import UsageError


class Source(NamedTuple):
    """An ONNX file in FP32."""

    onnx: Path
    export: Report | None
    """None when the file was there already."""


def source_of(request: Request) -> Source:
    """Export the checkpoint of the request, or take its ONNX file.

    Raises what `export_model` raises, UsageError for flags that an ONNX file has no use for,
    ModelError for one that the target refuses.
    """
    if not is_onnx(request):
        report = export_model(request)
        return Source(report.path, report)
    if request.target is not None:
        require_fit(load_onnx(request.model), target_named(request.target))
    return Source(request.model, None)


def is_onnx(request: Request) -> bool:
    """Whether the model is exported already; then the flags of the export have no place, and the
    recipe may say what the file has.
    """
    if request.model.suffix.lower() != ".onnx":
        return False
    kept = {name: getattr(request, name) for name in ("data", "split", "target", "recipe")}
    if Request(request.model, **kept) != request:
        raise _changes(request, "flags that change")
    if _set_by(request.recipe):
        _require_same(request)
    return True


def _require_same(request: Request) -> None:
    found = recipe_of_graph(request.recipe, load_onnx(request.model))
    if found != replace(found, **_set_by(request.recipe)):
        raise _changes(request, "a recipe that changes")


def _set_by(recipe: ExportRecipe) -> dict[str, Any]:
    given = {name: getattr(recipe, name) for name in OF_THE_GRAPH}
    return {name: value for name, value in given.items() if value is not None}


def _changes(request: Request, what: str) -> UsageError:
    fix = "leave them out, or give the checkpoint"
    found = f"{what} {request.model}"
    return UsageError("an .onnx file as it is: batch, input, opset, top_k are its own", found, fix)
