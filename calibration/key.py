"""What a calibration belongs to: one model, one list of images, one preprocessing, one method."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from edgedet.runtime.checksum import sha256_of
from edgedet.runtime.errors import DataError, UsageError
from edgedet.runtime.int8_scales import CalibrationKey
from edgedet.runtime.spec import ModelSpec

PREPROCESSING = (
    "size_hw",
    "color",
    "resize",
    "pad_value",
    "mean",
    "std",
    "input_dtype",
    "input_layout",
)
"""Fields of the spec that alter what the network sees."""
_SHOWN_DIGITS = 12


def calibration_key(
    model: Path, images: Sequence[Path], spec: ModelSpec, method: str = ""
) -> CalibrationKey:
    """Return the key of calibrating the ONNX file `model` on `images`, in this order.

    Raises DataError for an image that cannot be read.
    """
    fields = {name: getattr(spec, name) for name in PREPROCESSING}
    plain = {name: list(v) if isinstance(v, tuple) else v for name, v in fields.items()}
    return CalibrationKey(sha256_of(model), _sha256_of_all(images), len(images), plain, method)


def differences(found: CalibrationKey, wanted: CalibrationKey) -> list[str]:
    """Return in words what differs between two keys; nothing when they are one calibration."""
    told = []
    if found.model_sha256 != wanted.model_sha256:
        told.append(_of("the model", found.model_sha256, wanted.model_sha256))
    if found.images != wanted.images:
        told.append(f"the images ({found.images}, now {wanted.images})")
    elif found.images_sha256 != wanted.images_sha256:
        told.append(_of("the images", found.images_sha256, wanted.images_sha256))
    for name in sorted({*found.preprocessing, *wanted.preprocessing}):
        before, now = found.preprocessing.get(name), wanted.preprocessing.get(name)
        if before != now:
            told.append(f"the preprocessing ({name} {before}, now {now})")
    if found.method != wanted.method:
        told.append(f"the method ({found.method}, now {wanted.method})")
    return told


def require_same(found: CalibrationKey, wanted: CalibrationKey, file: Path) -> None:
    """Raise UsageError naming every part of the key of `file` that is not as wanted."""
    told = differences(found, wanted)
    if told:
        raise UsageError(
            f"{file} to belong to this calibration",
            f"another one: {'; '.join(told)}",
            f"delete {file} to calibrate again, or choose another place",
        )


def _of(what: str, found: str, wanted: str) -> str:
    return f"{what} (SHA-256 {found[:_SHOWN_DIGITS]}, now {wanted[:_SHOWN_DIGITS]})"


def _sha256_of_all(images: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for image in images:
        try:
            digest.update(bytes.fromhex(sha256_of(image)))
        except OSError as error:
            found = error.strerror or str(error)
            raise DataError(f"an image at {image}", found, "check the path") from error
    return digest.hexdigest()
