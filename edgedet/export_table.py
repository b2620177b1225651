"""The result of an export as a table for people and as JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

from edgedet.export.checks import dims_of, opset_of
from edgedet.export.metadata import read_spec
from edgedet.export.targets import target_named
from edgedet.model_export import MAX_AP_DIFFERENCE, Accuracy, Report
from edgedet.target_text import target_text, target_values

SCHEMA_VERSION = 1
NOT_COMPARED = "-"
HEADERS = ("difference", "largest", "mean", "allowed")
TABLE_WIDTH = 1000
"""Wider than any table: rich shortens what does not fit, and Markdown has no lines to break."""


def export_text(report: Report) -> str:
    """Return what was written, then the parity table in Markdown."""
    graph = report.graph.graph
    spec = read_spec(report.graph)
    top_k = dims_of(graph.output[1])[1]
    lines = [
        f"{report.path}: {report.path.stat().st_size / 1e6:.1f} MB, opset "
        f"{opset_of(report.graph)}, IR version {report.graph.ir_version}",
        f"images {list(dims_of(graph.input[0]))} {spec.input_dtype} {spec.input_layout} "
        f"{spec.color}, the best {top_k} candidates of each",
        f"parity with PyTorch: {_covered(report)}",
        markdown(HEADERS, parity_rows(report)),
    ]
    aim = _target(report)
    if aim is not None:
        lines.append(target_text(aim))
    return "\n".join(lines)


def export_json(report: Report) -> str:
    """Return the same as one JSON object."""
    return json.dumps(export_values(report), indent=2)


def exported_values(onnx: Path, report: Report | None) -> dict[str, Any]:
    """Return the content of that object; without a report, of a file that was there already."""
    if report is None:
        return {"schema_version": SCHEMA_VERSION, "file": str(onnx)}
    return export_values(report)


def export_values(report: Report) -> dict[str, Any]:
    """Return the content of that object."""
    graph = report.graph.graph
    return {
        "schema_version": SCHEMA_VERSION,
        "file": str(report.path),
        "sha256": report.sha256,
        "bytes": report.path.stat().st_size,
        "opset": opset_of(report.graph),
        "ir_version": report.graph.ir_version,
        "input_shape": list(dims_of(graph.input[0])),
        "input_dtype": read_spec(report.graph).input_dtype,
        "top_k": dims_of(graph.output[1])[1],
        "parity": _parity_values(report),
        "accuracy": _accuracy_values(report.accuracy),
        "target": _target(report),
    }


def _target(report: Report) -> dict[str, Any] | None:
    name = report.request.target
    return None if name is None else target_values(target_named(name), report.findings)


def _parity_values(report: Report) -> dict[str, Any]:
    parity = report.parity
    return {
        **asdict(parity),
        "bounds": parity.bounds._asdict(),
        "passed": parity.passed,
        "data": report.request.data or "generated",
    }


def _accuracy_values(accuracy: Accuracy | None) -> dict[str, float | None] | None:
    if accuracy is None:
        return None
    values = {**accuracy._asdict(), "difference": accuracy.difference}
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def _covered(report: Report) -> str:
    parity = report.parity
    source = report.request.data or "generated"
    return (
        f"{parity.candidates} candidates of {parity.images} images ({source}), "
        f"{parity.different} differ, {parity.undecided} at the cut of the top K"
    )


def markdown(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown, its first column to the left and the others to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.MARKDOWN)
    for number, name in enumerate(headers):
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    text = StringIO()
    Console(file=text, width=TABLE_WIDTH, markup=False, highlight=False).print(table)
    return text.getvalue().strip()


def parity_rows(report: Report) -> list[tuple[str, str, str, str]]:
    """Return what differs, its largest and mean value, and what is allowed, as text."""
    parity, accuracy = report.parity, report.accuracy
    bounds = parity.bounds
    rows = [
        ("box, px", f"{parity.max_box_px:.1e}", f"{parity.mean_box_px:.1e}", f"{bounds.box_px:g}"),
        ("score", f"{parity.max_score:.1e}", f"{parity.mean_score:.1e}", f"{bounds.score:g}"),
    ]
    if accuracy is not None:
        label = f"AP, {accuracy.torch:.4f} to {accuracy.onnx:.4f}"
        difference = f"{accuracy.difference:+.4f}"
        rows.append((label, difference, NOT_COMPARED, f"{MAX_AP_DIFFERENCE:g}"))
    return rows
