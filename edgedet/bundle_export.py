"""One run of `edgedet export --bundle`: a model and all that runs it as one file for the device."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from edgedet.engine_export import half_path, proven_fp16
from edgedet.export.bundle import BundleSize, check_bundle_name, write_bundle
from edgedet.export.onnx_file import save_onnx
from edgedet.export.targets import target_named
from edgedet.export_source import source_of
from edgedet.export_table import export_text, exported_values
from edgedet.int8.outputs import mixed_path
from edgedet.int8_export import Quantised, quantised
from edgedet.int8_mixed import proven_mixed
from edgedet.int8_table import int8_text, int8_values
from edgedet.int8_wish import require_tensorrt_form
from edgedet.model_export import Report, Request
from edgedet.runtime.checksum import sha256_of
from edgedet.runtime.errors import UsageError

if TYPE_CHECKING:
    from edgedet.int8.request import Int8Request


@dataclass(frozen=True)
class BundleReport:
    """What was written."""

    bundle: Path
    size: BundleSize
    target: str | None
    onnx: Path
    export: Report | None
    """Of the ONNX file; None when that was there already."""
    quantised: Quantised | None = None
    """None when no INT8 was asked for."""

    @property
    def text(self) -> str:
        """It for people."""
        kilobytes = self.size.runtime_bytes / 1e3
        line = (
            f"{self.bundle}: {self.size.bytes / 1e6:.2f} MB, {kilobytes:.0f} kB of it without the "
            f"model; on the device:\npython3 {self.bundle.name} doctor|build|bench|predict|camera"
        )
        parts = [] if self.export is None else [export_text(self.export)]
        parts += [] if self.quantised is None else [int8_text(self.quantised)]
        return "\n".join([*parts, line])

    @property
    def json(self) -> str:
        """It as one JSON object: that of the export, with the bundle in it."""
        exported = exported_values(self.onnx, self.export)
        bundle = {
            "file": str(self.bundle),
            "sha256": sha256_of(self.bundle),
            "bytes": self.size.bytes,
            "runtime_bytes": self.size.runtime_bytes,
            "target": self.target,
        }
        int8 = int8_values(self.quantised)
        return json.dumps({**exported, "int8": int8, "bundle": bundle}, indent=2)


def export_bundle(request: Request, bundle: Path, int8: Int8Request | None = None) -> BundleReport:
    """Export the checkpoint of the request, or take its ONNX file, and bundle it.

    For a target whose TensorRT takes the precision from the graph, the FP16 graph is made, proven
    and packed as well. int8: the scales are packed as well, and for such a target the INT8 graph.
    Raises what `export_model`, `quantised`, `proven_fp16` and `write_bundle` raise.
    """
    check_bundle_name(bundle)
    if int8 is not None:
        require_tensorrt_form(request.recipe, "a bundle with INT8")
    onnx, report = source_of(request)
    found = None if int8 is None else quantised(onnx, request, int8)
    strict = request.target is not None and target_named(request.target).strongly_typed
    with TemporaryDirectory() as folder:  # nothing more beside a model that is the user's
        half, mixed = (Path(folder) / path(onnx).name for path in (half_path, mixed_path))
        if strict:
            save_onnx(proven_fp16(onnx, request)[0].graph, half)
        if strict and found is not None:
            save_onnx(proven_mixed(found.report).graph, mixed)
        size = write_bundle(
            bundle,
            onnx,
            half if half.exists() else None,
            request.target,
            scales=None if found is None else found.scales,
            quantised=mixed if mixed.exists() else None,
        )
    return BundleReport(bundle, size, request.target, onnx, report, found)


def require_alone(trt: bool) -> None:
    """Raise UsageError for --bundle with --trt: engines of a bundle are built where they run."""
    if trt:
        fix = "leave --trt out; on the device: python3 model.pyz build"
        raise UsageError("--bundle without --trt", "both", fix)
