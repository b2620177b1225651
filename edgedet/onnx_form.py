"""A model of any kind as an ONNX file, for what needs its graph."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgedet.runtime.errors import ModelError

NAME = "model.onnx"
TARGETS = {"jetson": "nano-trt82", "rtx": "rtx"}
"""Kind of device -> the export target whose graphs all of that kind take."""


@contextmanager
def onnx_form(model: Path, target: str | None = None) -> Iterator[Path]:
    """Yield the ONNX file itself, or that of a checkpoint, which lives as long as the block.

    target: what a checkpoint is exported for. Raises ModelError for an engine, which keeps no
    graph, for a file that is missing, and whatever `export_model` raises.
    """
    if not model.is_file():
        raise ModelError(f"a model at {model}", "no such file", "check the path")
    suffix = model.suffix.lower()
    if suffix == ".engine":
        fix = "give the .onnx file that it was built from: its name stands in the .engine.json"
        raise ModelError("a model with its graph", f"{model}, which keeps none", fix)
    if suffix != ".pt":
        yield model
        return
    from edgedet.model_export import Request, export_model

    with tempfile.TemporaryDirectory(prefix="edgedet-") as folder:
        yield export_model(Request(model, Path(folder) / NAME, target=target)).path
