"""ONNX files: read with a clear error, write whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgedet.runtime.atomic import atomic_path
from edgedet.runtime.errors import ModelError
from edgedet.runtime.lazy import require

if TYPE_CHECKING:
    from onnx import ModelProto

INSTALL_ONNX = "install it with: pip install 'edgedet[train]'"


def load_onnx(path: Path, *, weights: bool = True) -> ModelProto:
    """Read an ONNX model. weights: also those that stand in files beside it.

    Raises ModelError when the file is missing, unreadable, or holds no ONNX graph.
    """
    onnx = require("onnx", INSTALL_ONNX)
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model: ModelProto = onnx.load_model(str(path), load_external_data=weights)
    except OSError as error:
        found = f"{path} ({error.strerror or error})"
        raise ModelError("an ONNX file", found, "check the path") from error
    except DecodeError as error:
        raise _not_onnx(path) from error
    except (onnx.checker.ValidationError, ValueError) as error:
        found = " ".join(str(error).split())
        fix = "copy it together with the files of its weights"
        raise ModelError(f"weights of {path} in files beside it", found, fix) from error
    # Protobuf reads an empty file, and some text, as an empty message.
    if model.ir_version == 0 or not model.graph.node:
        raise _not_onnx(path)
    return model


def onnx_bytes(model: ModelProto) -> bytes:
    """Return the content of the file: it depends on the model alone, so equal exports are equal
    files.
    """
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def save_onnx(model: ModelProto, path: Path) -> None:
    """Write `model` to `path`, which appears only when it is complete.

    Raises UsageError when the place cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(onnx_bytes(model))


def _not_onnx(path: Path) -> ModelError:
    return ModelError(
        "an ONNX file",
        f"{path}, which holds no ONNX graph",
        "pass the .onnx file that `edgedet export` wrote",
    )
