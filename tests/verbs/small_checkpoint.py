"""A checkpoint of the smallest detector, untrained."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from edgedet.models.registry import build_model, resolve_options
from edgedet.runtime.spec import spec_to_json
from edgedet.training.checkpoint import save_checkpoint

BUILDER = "multiscale_shapes"
CLASSES = ("square", "triangle", "circle")
IMGSZ = 96


def write_checkpoint(path: Path, seed: int = 0, **options: object) -> Path:
    torch.manual_seed(seed)
    resolved = resolve_options(BUILDER, {"imgsz": IMGSZ, **options})
    model = build_model(BUILDER, CLASSES, resolved)
    assert isinstance(model, torch.nn.Module)
    state = {
        "builder": BUILDER,
        "class_names": list(CLASSES),
        "options": resolved,
        "spec": spec_to_json(model.spec),
        "model": model.state_dict(),
        "ema": None,
        "epoch": 3,
        "best": {"value": -math.inf, "epoch": 0, "evaluations_since": 0},
    }
    save_checkpoint(path, state)
    return path
