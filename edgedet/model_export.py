"""One run of `edgedet export`: a checkpoint to an ONNX file that is proven to say the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from edgedet.data.opening import SPLITS
from edgedet.export.checks import check_graph
from edgedet.export.from_torch import graph_from_torch
from edgedet.export.onnx_file import load_onnx, onnx_bytes
from edgedet.export.parity import Parity, compare_backends
from edgedet.export.reference import write_reference
from edgedet.export.target_check import Finding
from edgedet.export.uint8_input import with_uint8_input
from edgedet.export_form import Form, form_of, require_fit
from edgedet.export_recipe import ExportRecipe, recipe_of_graph, write_export_recipe
from edgedet.proof_data import average_precision, proof_annotations, proof_frames
from edgedet.rundir import new_run_dir
from edgedet.runtime.atomic import atomic_path
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.checksum import sha256_of
from edgedet.runtime.errors import ModelError, UsageError

if TYPE_CHECKING:
    from onnx import ModelProto

    from edgedet.data.annotations import Annotations
    from edgedet.models.protocol import DetectionModel

FILE_NAME = "model.onnx"
MAX_AP_DIFFERENCE = 0.002
"""Largest difference of AP (in [0, 1]) that passes: a change of rounding, not of the model."""


@dataclass(frozen=True)
class Request:
    """What is to be exported, and how."""

    model: Path
    """A checkpoint (.pt)."""
    out: Path | None = None
    """The .onnx file; None: model.onnx in a run folder of its own."""
    batch: int = 1
    data: str | None = None
    """Data set to prove parity on; None: generated images."""
    split: str = "val"
    target: str | None = None
    """A name of `edgedet.export.targets`, whose importer the graph has to suit."""
    recipe: ExportRecipe = field(default_factory=ExportRecipe)
    """All that has no flag."""


class Accuracy(NamedTuple):
    """AP in [0, 1] of both forms on the data; nan without objects."""

    torch: float
    onnx: float

    @property
    def difference(self) -> float:
        """Of the ONNX form to PyTorch."""
        return self.onnx - self.torch


@dataclass(frozen=True)
class Report:
    """What was written, and the proof that it says the same as PyTorch."""

    request: Request
    path: Path
    sha256: str
    graph: ModelProto
    parity: Parity
    accuracy: Accuracy | None
    """None without data."""
    findings: tuple[Finding, ...] = ()
    """What the target minds, though it takes the graph; () without a target."""


def export_model(request: Request) -> Report:
    """Export, compare with PyTorch, and only then give the file its name.

    Raises UsageError for a flag that cannot be, DataError for the data, ModelError for a
    checkpoint that is none, for an export that does not agree with PyTorch, and for a graph that
    the target would refuse or compute wrongly.
    """
    form = form_of(request.recipe, request.target)
    _check(request)
    model = _load(request)
    with _place(request) as path:
        annotations = proof_annotations(request, path.parent)
        graph = _graph(model, request, form)
        findings = require_fit(graph, form.target)
        with atomic_path(path) as temporary:
            temporary.write_bytes(onnx_bytes(graph))
            check_graph(load_onnx(temporary), form.opset)
            parity, accuracy = _proof(model, temporary, annotations)
            write_reference(graph, temporary)
            temporary.write_bytes(onnx_bytes(graph))
        write_export_recipe(recipe_of_graph(request.recipe, graph), path)
    return Report(request, path, sha256_of(path), graph, parity, accuracy, findings)


def _check(request: Request) -> None:
    _require_checkpoint(request.model)
    if request.out is not None and request.out.suffix.lower() != ".onnx":
        raise UsageError("--out that ends with .onnx", str(request.out), "add the ending")
    if request.split not in SPLITS:
        raise UsageError(f"--split {', '.join(SPLITS)}", request.split, "choose one of them")


def _require_checkpoint(model: Path) -> None:
    kind = model.suffix.lower()
    if kind == ".onnx":
        expected = "a checkpoint, or --int8, --trt or --bundle with an ONNX file"
        raise ModelError(expected, f"{model} alone", "add one of them, or give the model.pt")
    if kind == ".engine":
        fix = "give the model.pt or model.onnx that the engine was built from"
        raise ModelError("a checkpoint, or an ONNX file", f"the engine {model}", fix)


def _load(request: Request) -> DetectionModel:
    from edgedet.training.checkpoint import model_from_checkpoint

    model: Any = model_from_checkpoint(request.model)
    if request.recipe.top_k is not None:
        model.top_k = request.recipe.top_k
    return cast("DetectionModel", model)


@contextmanager
def _place(request: Request) -> Iterator[Path]:
    """Yield the file to write; a run folder made for it goes again when nothing is in it."""
    if request.out is not None:
        yield request.out
        return
    folder = new_run_dir("export")
    try:
        yield folder / FILE_NAME
    except BaseException:
        with suppress(OSError):  # not empty: generated data is kept
            folder.rmdir()
        raise


def _graph(model: DetectionModel, request: Request, form: Form) -> ModelProto:
    from edgedet.qat.exported_ranges import write_ranges_of

    provenance = {"checkpoint_sha256": sha256_of(request.model), "precision": "float32"}
    if form.target is not None:
        provenance["target"] = form.target.name
    graph = graph_from_torch(model, request.batch, form.opset, provenance)
    write_ranges_of(model, graph)
    return with_uint8_input(graph) if form.input == "uint8" else graph


def _proof(
    model: DetectionModel, path: Path, annotations: Annotations | None
) -> tuple[Parity, Accuracy | None]:
    from edgedet.models.backend import TorchBackend

    reference = TorchBackend(model)
    with OnnxRuntimeBackend(path) as exported:
        frames = proof_frames(model.spec.size_hw, annotations, "Comparing with PyTorch")
        parity = compare_backends(reference, exported, frames)
        parity.require_passed()
        if annotations is None:
            return parity, None
        accuracy = Accuracy(
            average_precision(reference, annotations), average_precision(exported, annotations)
        )
    _require_equal_ap(accuracy)
    return parity, accuracy


def _require_equal_ap(accuracy: Accuracy) -> None:
    if abs(accuracy.difference) > MAX_AP_DIFFERENCE:
        raise ModelError(
            f"an exported model with the AP of PyTorch, {accuracy.torch:.4f}",
            f"{accuracy.onnx:.4f}",
            "no file was written; train longer, since a model that has learnt little gives many "
            "boxes one score, whose order is nobody's; else report this with the checkpoint",
        )
