"""ONNX from a PyTorch model: FP32, static shapes, normalised float input.

The legacy (TorchScript) exporter does it, on purpose: the newer one silently writes opset 18
when asked for 13, and nothing converts that down, so a Jetson Nano could not read the file.
"""

from __future__ import annotations

import copy
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import edgedet
from edgedet.runtime.errors import ModelError, UsageError
from edgedet.runtime.lazy import require
from edgedet.runtime.spec import ModelSpec

from .checks import DEFAULT_OPSET, INPUT_NAME, MAX_OPSET, MIN_OPSET, OUTPUT_NAMES, check_graph
from .constant_folding import fold_constants
from .metadata import with_provenance, write_spec
from .onnx_file import INSTALL_ONNX, load_onnx, save_onnx

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch import Tensor, nn

    class Exportable(Protocol):
        """The part of a detection model that export needs; it is an `nn.Module` besides."""

        spec: ModelSpec

        def predict(self, images: Tensor) -> tuple[Tensor, ...]:
            """Return boxes_xyxy [N, K, 4], scores [N, K], labels [N, K] with static shapes."""
            ...


def onnx_from_torch(
    model: Exportable,
    path: Path,
    batch: int = 1,
    opset: int = DEFAULT_OPSET,
    provenance: Mapping[str, str] | None = None,
) -> None:
    """Write `model.predict` as ONNX to `path`, and check the file as it was written.

    Input `images` [batch, 3, H, W] float32, normalised as `model.spec` says; outputs
    `boxes_xyxy` [batch, K, 4] in input pixels, `scores` [batch, K] descending, `labels`
    [batch, K] int64. `provenance` is added to the spec's own.

    Raises UsageError for a batch, opset or path that cannot be, ModelError for a model whose
    graph would not run everywhere.
    """
    save_onnx(graph_from_torch(model, batch, opset, provenance), path)
    check_graph(load_onnx(path), opset)


def graph_from_torch(
    model: Exportable,
    batch: int = 1,
    opset: int = DEFAULT_OPSET,
    provenance: Mapping[str, str] | None = None,
) -> ModelProto:
    """Return what `onnx_from_torch` writes, checked. The model itself stays as it was."""
    onnx = require("onnx", INSTALL_ONNX)
    import torch

    _check_request(model.spec, batch, opset)
    graph = fold_constants(_exported(model, batch, opset))
    graph.producer_name = "edgedet"
    graph.producer_version = edgedet.__version__
    versions = {
        "edgedet": edgedet.__version__,
        "torch": str(torch.__version__),
        "onnx": onnx.__version__,
    }
    write_spec(graph, with_provenance(model.spec, {**versions, **(provenance or {})}))
    check_graph(graph, opset)
    return graph


def _check_request(spec: ModelSpec, batch: int, opset: int) -> None:
    if batch < 1:
        raise UsageError("--batch of 1 or more", str(batch), "1 suits a camera")
    if not MIN_OPSET <= opset <= MAX_OPSET:
        raise UsageError(
            f"an opset from {MIN_OPSET} to {MAX_OPSET}",
            str(opset),
            f"{DEFAULT_OPSET} runs everywhere, the Jetson Nano included",
        )
    if (spec.input_dtype, spec.input_layout) != ("float32", "NCHW"):
        raise ModelError(
            "a PyTorch model that takes float32 NCHW",
            f"{spec.input_dtype} {spec.input_layout}",
            "rewrite the input of the exported graph instead",
        )


def _exported(model: Exportable, batch: int, opset: int) -> ModelProto:
    import torch

    height, width = model.spec.size_hw
    images = torch.zeros(batch, 3, height, width)
    predictor = _predictor(model)
    with tempfile.TemporaryDirectory() as folder, _quiet_exporter(), torch.inference_mode():
        written = Path(folder) / "model.onnx"
        torch.onnx.export(
            predictor,
            (images,),
            written,
            input_names=[INPUT_NAME],
            output_names=list(OUTPUT_NAMES),
            opset_version=opset,
            do_constant_folding=True,
            dynamo=False,
        )
        graph = load_onnx(written)
        _declare_shapes(graph, [tuple(output.shape) for output in predictor(images)])
    return graph


def _declare_shapes(graph: ModelProto, shapes: list[tuple[int, ...]]) -> None:
    """Say the static shape of each output; the exporter loses sight of some on the way."""
    for value, shape in zip(graph.graph.output, shapes, strict=True):
        dims = value.type.tensor_type.shape
        del dims.dim[:]
        for length in shape:
            dims.dim.add(dim_value=length)


def _predictor(model: Exportable) -> nn.Module:
    """Wrap a copy, on the CPU in float32 eval mode, whose `forward` is `predict`."""
    from torch import nn

    class Predictor(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = copy.deepcopy(model)

        def forward(self, images: Tensor) -> tuple[Tensor, ...]:
            return self.model.predict(images)

    return Predictor().cpu().float().eval()


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Hide what a user cannot act on: that the exporter is the legacy one, what it traces and
    what it cannot fold.

    Static shapes are the aim here, so "will be treated as a constant" is no news; parity tests
    the result on other images.
    """
    from torch.jit import TracerWarning  # type: ignore[attr-defined]  # public, not listed

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", TracerWarning)
        warnings.filterwarnings("ignore", "Constant folding", UserWarning)
        yield
