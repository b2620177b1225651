"""The files of an INT8 export, and how those of the run before make way for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from edgedet.calibration.placement import FORMS, Form
from edgedet.runtime.checksum import sha256_of
from edgedet.runtime.engine_file import sidecar_path
from edgedet.runtime.errors import ModelError, UsageError
from edgedet.runtime.int8_scales import load_scales

from .request import Int8Request

ENGINE_KINDS = ("rtx-", "trt")
"""How what stands between a model and `.int8.engine` begins; in `model.v2` it is another model."""
STATISTICS, SCALES = "statistics.npz", "scales.json"


def model_path(request: Int8Request, form: Form) -> Path:
    """Return where a form is written."""
    return request.out / f"{request.model.stem}.int8.{form}.onnx"


def mixed_path(onnx: Path) -> Path:
    """Return where INT8 with FP16 around it lies, beside the model in FP32."""
    return onnx.with_name(f"{onnx.stem}.int8.fp16.onnx")


def cache_path(onnx: Path) -> Path:
    """Return where the calibration cache of a model lies."""
    return onnx.with_name(f"{onnx.stem}.calibration.cache")


def remove_int8_of_another_model(request: Int8Request) -> None:
    """Remove INT8 that is of another model than the request's: a checkpoint that is exported anew
    to the same place would else be taken for what it was made of.

    Raises UsageError where that other model lies there, too: its scales are not to be lost.
    """
    try:
        scales = load_scales(request.out / SCALES)
    except ModelError:  # none, or damaged: then nothing says what the INT8 is of
        remove_int8(request)
        return
    if scales.key.model_sha256 != sha256_of(request.model):
        _require_no_owner(request, scales.key.model_sha256)
        remove_int8(request)


def _require_no_owner(request: Int8Request, model_sha256: str) -> None:
    for path in sorted(request.out.glob("*.onnx")):
        if sha256_of(path) == model_sha256:
            expected = f"a folder without the INT8 of another model for {request.model.name}"
            found = f"{SCALES} of {path.name} in {request.out}"
            raise UsageError(expected, found, "put each model into a folder of its own")


@contextmanager
def replaced_int8(request: Int8Request) -> Iterator[None]:
    """Remove the INT8 of the run before; when the block fails, also what it has written."""
    remove_int8(request)
    try:
        yield
    except BaseException:
        remove_int8(request)
        raise


def remove_int8(request: Int8Request) -> None:
    """Remove the forms and all that is made of them; the report and the statistics stay."""
    onnx = request.out / request.model.name
    files = [model_path(request, form) for form in FORMS]
    files += [mixed_path(onnx), cache_path(onnx), request.out / SCALES]
    for kind in ENGINE_KINDS:
        for path in sorted(request.out.glob(f"{escape(onnx.stem)}.{kind}*.int8.engine")):
            files += [path, sidecar_path(path)]
    for file in files:
        file.unlink(missing_ok=True)
