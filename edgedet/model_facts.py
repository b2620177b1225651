"""What `edgedet info` tells about a model file, without running it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from edgedet.engine_facts import engine_facts
from edgedet.runtime.checksum import sha256_of
from edgedet.runtime.errors import ModelError
from edgedet.runtime.onnx_facts import onnx_facts
from edgedet.runtime.spec import spec_from_json, spec_to_json
from edgedet.target_text import target_facts

SCHEMA_VERSION = 1
TRAINING_KEYS = ("epoch", "step", "best", "data_fingerprint")
"""What a checkpoint tells about its training, when it does."""


def model_facts(path: Path, target: str | None = None) -> dict[str, Any]:
    """Return plain values, ready for JSON, about a checkpoint (.pt), an ONNX file or an engine.

    `spec` is None for an ONNX file that edgedet did not write, `target` without one. Raises
    ModelError for a file that is missing, damaged, or none of these, UsageError for an unknown
    target.
    """
    readers = {".pt": _checkpoint_facts, ".onnx": _onnx_facts, ".engine": engine_facts}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        fix = "name a checkpoint or an exported model"
        raise ModelError("a .pt, .onnx or .engine file", str(path), fix)
    facts = reader(path)
    general = {"file": str(path), "bytes": path.stat().st_size, "sha256": sha256_of(path)}
    fit = None if target is None else target_facts(path, target)
    return {"schema_version": SCHEMA_VERSION, **general, **facts, "target": fit}


def _onnx_facts(path: Path) -> dict[str, Any]:
    facts = onnx_facts(path)
    text = facts.pop("spec_text")
    return {"kind": "onnx", **facts, "spec": None if text is None else _plain_spec(text)}


def _checkpoint_facts(path: Path) -> dict[str, Any]:
    from edgedet.training.checkpoint import load_checkpoint, model_from_checkpoint

    state = load_checkpoint(path)
    model = model_from_checkpoint(path)
    return {
        "kind": "checkpoint",
        "model": state["builder"],
        "options": state["options"],
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "averaged_weights": state["ema"] is not None,
        "training": {key: _finite(state[key]) for key in TRAINING_KEYS if key in state},
        "spec": _plain_spec(state["spec"]),
    }


def _finite(value: Any) -> Any:
    """`value` without nan and infinities, which JSON does not know."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain_spec(text: str) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads(spec_to_json(spec_from_json(text)))
    return spec
