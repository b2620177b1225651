"""The engines of an export as a table for people and as plain values for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from edgedet.engine_export import EngineReport
from edgedet.export_table import NOT_COMPARED, export_text, exported_values, markdown
from edgedet.int8_table import int8_text, int8_values, plain, wrapped
from edgedet.runtime.engine_file import EngineFacts

HEADERS = ("engine", "precision", "runs on", "MB", "s")


def engines_text(report: EngineReport) -> str:
    """Return what was exported, what FP16 changes, and a row for each engine, in Markdown."""
    parts = [] if report.export is None else [export_text(report.export)]
    parts += [] if report.quantised is None else [int8_text(report.quantised)]
    parts += [text for text in (half_text(report), mixed_text(report)) if text]
    parts.append(f"engines in {report.onnx.parent}:")
    parts.append(markdown(HEADERS, engine_rows(report)))
    return "\n".join(parts)


def engines_json(report: EngineReport) -> str:
    """Return the same as one JSON object: that of the export, with the engines in it."""
    values = {
        **exported_values(report.onnx, report.export),
        "fp16": _half_values(report),
        "int8": int8_values(report.quantised),
        "int8_with_fp16": None if report.mixed is None else plain(asdict(report.mixed.accuracy)),
        "engines": [
            {
                "file": str(engine.path),
                "sha256": engine.facts.plan_sha256,
                "bytes": engine.facts.plan_bytes,
                "precision": engine.facts.precision,
                "precision_used": engine.facts.precision_used,
                "built_by": engine.facts.title,
                "gpu": engine.facts.gpu_name,
                "compute_capabilities": list(engine.facts.compute_capabilities),
                "seconds": round(engine.seconds, 3),
                "build_seconds": round(engine.facts.build_seconds, 3),
            }
            for engine in report.engines
        ],
    }
    return json.dumps(values, indent=2)


def engine_rows(report: EngineReport) -> list[tuple[str, ...]]:
    """Return name, precision, GPUs, size and the seconds it took now, as text."""
    return [
        (
            engine.path.name,
            _precision(engine.facts),
            _gpus(engine.facts),
            f"{engine.facts.plan_bytes / 1e6:.1f}",
            f"{engine.seconds:.1f}",
        )
        for engine in report.engines
    ]


def half_text(report: EngineReport) -> str:
    """Return what FP16 changes against FP32, or nothing without an FP16 graph."""
    half = report.half
    if half is None:
        return ""
    parity = half.parity
    lines = [
        f"FP16: {half.nodes_fp32} of {half.nodes} nodes stay in FP32, "
        f"{len(half.overflows)} tensors would overflow",
        f"FP16 against FP32, rehearsed on the CPU: box {parity.mean_box_px:.2g} px and score "
        f"{parity.mean_score:.1g} in the mean of {parity.candidates} candidates of "
        f"{parity.images} images, {parity.different} differ by more than "
        f"{parity.bounds.box_px:g} px or {parity.bounds.score:g}",
    ]
    lines += [f"in FP32: {o.node}, {o.tensor} reaches {o.largest:.3g}" for o in half.overflows]
    if report.accuracy is not None:
        lines.append(f"AP {report.accuracy.fp32:.4f} in FP32, {report.accuracy.fp16:.4f} in FP16")
    return "\n".join(lines)


def mixed_text(report: EngineReport) -> str:
    """Return what INT8 with FP16 around it finds, or nothing without such a graph."""
    if report.mixed is None or report.quantised is None:
        return ""
    found, gate = report.mixed.accuracy, report.quantised.report.gate
    told = f"INT8 with FP16 around it, rehearsed on the CPU: AP {100 * found.ap:.2f}"
    return wrapped(f"{told}, {gate.told(found)}")


def _half_values(report: EngineReport) -> dict[str, Any] | None:
    half = report.half
    if half is None:
        return None
    return {
        "nodes": half.nodes,
        "nodes_fp32": half.nodes_fp32,
        "overflows": [overflow._asdict() for overflow in half.overflows],
        "parity": {**asdict(half.parity), "bounds": half.parity.bounds._asdict()},
        "accuracy": None if report.accuracy is None else report.accuracy._asdict(),
    }


def _gpus(facts: EngineFacts) -> str:
    capabilities = ", ".join(facts.compute_capabilities)
    return f"{facts.gpu_name} ({capabilities})" if facts.gpu_name else f"compute {capabilities}"


def _precision(facts: EngineFacts) -> str:
    used = facts.precision_used or NOT_COMPARED
    return facts.precision if used == facts.precision else f"{facts.precision} ({used})"
