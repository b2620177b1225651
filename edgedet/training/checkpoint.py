"""Checkpoints: tensors and plain types only, loaded without running code, written atomically."""

import errno
import io
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgedet.qat.fake_quantisation import round_weights
from edgedet.qat.plan import plan_of
from edgedet.runtime.atomic import atomic_path
from edgedet.runtime.errors import DeviceError, ModelError
from edgedet.runtime.spec import spec_from_json

SCHEMA_VERSION = 1
"""Version of the checkpoint's keys; a reader refuses any other."""
KEYS = ("builder", "class_names", "options", "spec", "model", "ema")
"""What any reader needs: enough to rebuild the model. The rest is for `--resume`."""

_FIX = "give a .pt file that `edgedet train` wrote"


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write `state` to `path`; what was there stays when the disk is full.

    Raises DeviceError when the disk is full, UsageError when the folder cannot be written.
    """
    packed = io.BytesIO()  # torch.save reports a full disk as a RuntimeError without a reason
    torch.save({"schema_version": SCHEMA_VERSION, **state}, packed)
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(packed.getbuffer())
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DeviceError(
            f"{packed.tell() / 1e6:.1f} MB free for {path}",
            "a full disk",
            "make room and go on with --resume; the checkpoint before is intact",
        ) from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return what `save_checkpoint` was given, on the CPU. No code of the file is run.

    Raises ModelError for a missing, damaged or foreign file, and for a pickle with code.
    """
    state = _load(path)
    if not isinstance(state, dict) or any(key not in state for key in KEYS):
        raise ModelError(f"{path} to be a checkpoint of edgedet", "other contents", _FIX)
    if state.get("schema_version") != SCHEMA_VERSION:
        found = f"version {state.get('schema_version')!r}"
        raise ModelError(f"{path} to have schema version {SCHEMA_VERSION}", found, _FIX)
    return state


def model_from_checkpoint(path: Path, device: str | torch.device = "cpu") -> nn.Module:
    """Return the detector of a checkpoint in evaluation mode: averaged weights where it has them.

    After quantisation-aware training the weights of INT8 layers are those that int8 keeps, and the
    attribute `int8_plan` holds the ranges (None after any other).

    Raises ModelError as `load_checkpoint`, and for weights that do not fit the model.
    """
    from edgedet.models.registry import build_model

    state = load_checkpoint(path)
    model: Any = build_model(state["builder"], tuple(state["class_names"]), dict(state["options"]))
    load_weights(model, state["ema"] or state["model"], path)
    model.spec = spec_from_json(state["spec"])
    model.int8_plan = plan_of(state, path)
    if model.int8_plan:
        round_weights(model, model.int8_plan)
    built: nn.Module = model.eval().to(device)
    return built


def load_weights(model: nn.Module, weights: Mapping[str, Any], path: Path) -> None:
    """Copy `weights` into `model`; ModelError naming `path` when names or shapes differ."""
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        found = " ".join(str(error).split())[:200]
        raise ModelError(f"the weights of {path} to fit its model", found, _FIX) from error


def _load(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's remarks on a foreign pickle
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = "a pickle that is damaged or holds code, which edgedet never runs"
        if path.suffix.lower() in (".onnx", ".engine"):
            found = "an exported model"
        expected = f"{path} to be a checkpoint of tensors and plain types"
        raise ModelError(expected, found, _FIX) from error
    except OSError as error:
        found = error.strerror or str(error)
        raise ModelError(f"{path} to be a readable checkpoint", found, _FIX) from error
    except Exception as error:  # what a parser raises on arbitrary bytes is not to be listed
        found = " ".join(str(error).split())[:120] or type(error).__name__
        raise ModelError(f"{path} to be a whole checkpoint", found, _FIX) from error
