"""One run of `edgedet export --bundle`: a model and all that runs it as one file for the device."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edgedet.engine_export import half_path, is_onnx, proven_fp16
from edgedet.export.bundle import BundleSize, check_bundle_name, write_bundle
from edgedet.export.onnx_file import load_onnx, save_onnx
from edgedet.export.targets import target_named
from edgedet.export_form import require_fit
from edgedet.export_table import SCHEMA_VERSION, export_text, export_values
from edgedet.model_export import Report, Request, export_model
from edgedet.runtime.checksum import sha256_of
from edgedet.runtime.errors import UsageError


@dataclass(frozen=True)
class BundleReport:
    """What was written."""

    bundle: Path
    size: BundleSize
    target: str | None
    onnx: Path
    export: Report | None
    """Of the ONNX file; None when that was there already."""

    @property
    def text(self) -> str:
        """It for people."""
        kilobytes = self.size.runtime_bytes / 1e3
        line = (
            f"{self.bundle}: {self.size.bytes / 1e6:.2f} MB, {kilobytes:.0f} kB of it without the "
            f"model; on the device:\npython3 {self.bundle.name} doctor|build|bench|predict|camera"
        )
        return line if self.export is None else f"{export_text(self.export)}\n{line}"

    @property
    def json(self) -> str:
        """It as one JSON object: that of the export, with the bundle in it."""
        exported: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "file": str(self.onnx)}
        if self.export is not None:
            exported = export_values(self.export)
        bundle = {
            "file": str(self.bundle),
            "sha256": sha256_of(self.bundle),
            "bytes": self.size.bytes,
            "runtime_bytes": self.size.runtime_bytes,
            "target": self.target,
        }
        return json.dumps({**exported, "bundle": bundle}, indent=2)


def export_bundle(request: Request, bundle: Path) -> BundleReport:
    """Export the checkpoint of the request, or take its ONNX file, and bundle it.

    For a target whose TensorRT takes the precision from the graph, the FP16 graph is made, proven
    and packed as well. Raises what `export_model`, `proven_fp16` and `write_bundle` raise.
    """
    check_bundle_name(bundle)
    target = None if request.target is None else target_named(request.target)
    if is_onnx(replace(request, target=None)):
        report, onnx = None, request.model
        if target is not None:
            require_fit(load_onnx(onnx), target)
    else:
        report = export_model(request)
        onnx = report.path
    with TemporaryDirectory() as folder:  # nothing new beside a model that is the user's
        half = None
        if target is not None and target.strongly_typed:
            half = Path(folder) / half_path(onnx).name
            save_onnx(proven_fp16(onnx, request)[0].graph, half)
        size = write_bundle(bundle, onnx, half, request.target)
    return BundleReport(bundle, size, request.target, onnx, report)


def require_alone(trt: bool) -> None:
    """Raise UsageError for --bundle with --trt: engines of a bundle are built where they run."""
    if trt:
        fix = "leave --trt out; on the device: python3 model.pyz build"
        raise UsageError("--bundle without --trt", "both", fix)
