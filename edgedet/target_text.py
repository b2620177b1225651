"""How a graph fits its target, as lines for people and as plain values for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgedet.export.onnx_file import load_onnx
from edgedet.export.target_check import LEVELS, Finding, check_target
from edgedet.export.targets import Target, target_named
from edgedet.runtime.errors import ModelError


def target_facts(path: Path, name: str) -> dict[str, Any]:
    """Return how the ONNX file at `path` fits the target `name`, ready for JSON.

    Raises UsageError for an unknown target, ModelError for a file that is no ONNX model.
    """
    target = target_named(name)
    if path.suffix.lower() != ".onnx":
        fix = f"export it first: edgedet export {path} --target {name}"
        raise ModelError("an .onnx file for --target", str(path), fix)
    return target_values(target, check_target(load_onnx(path, weights=False), target))


def target_values(target: Target, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the target, whether the graph fits it, and what it minds."""
    return {
        "name": target.name,
        "title": target.title,
        "facts": target.facts["source"],
        "fits": not any(finding.refused for finding in findings),
        "findings": [{**finding.values(), "text": finding.text} for finding in findings],
    }


def target_text(values: dict[str, Any]) -> str:
    """Return what `target_values` gives, one finding a line."""
    counts = [
        f"{count} {level.replace('_', ' ')} ({LEVELS[level]})"
        for level in LEVELS
        if (count := sum(finding["level"] == level for finding in values["findings"]))
    ]
    verdict = "fits" if values["fits"] else "does not fit"
    head = f"target {values['name']}, {values['title']}: {verdict}"
    lines = [f"{head}; {', '.join(counts)}" if counts else f"{head}, nothing found"]
    return "\n".join([*lines, *(f"  {finding['text']}" for finding in values["findings"])])
