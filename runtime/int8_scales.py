"""scales.json: the clip of every tensor, what stays in float, and which model it belongs to.

Written on the host by `edgedet.calibration.scales_file`, read there and on the device by this file
alone.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

from .errors import ModelError, UsageError

SCHEMA_VERSION = 2
CLIP_FIELDS = ("amax", "low", "high")
"""Of each tensor in the file."""
CALIBRATION = "calibration"
"""Key of a spec's provenance: the `calibration_id` of the INT8 in a graph."""
_SHOWN_DIGITS = 12


class CalibrationKey(NamedTuple):
    """What a calibration belongs to; two with equal keys are one. Plain JSON types."""

    model_sha256: str
    """Of the ONNX file."""
    images_sha256: str
    """Of the contents of the images, in their order; their names and places do not count."""
    images: int
    preprocessing: Mapping[str, Any]
    """Fields of the `ModelSpec`."""
    method: str = ""
    """Empty for statistics, of which every method is made."""


class Clip(NamedTuple):
    """The values that a tensor may keep, low <= 0 <= high."""

    low: float
    high: float


class Scale(NamedTuple):
    """Of one tensor."""

    amax: float
    """Clip of |x|, above 0: the scale of symmetric INT8 is amax / 127."""
    clip: Clip
    """What the tensor held, within amax: the range of asymmetric scales."""


class Scales(NamedTuple):
    """What one calibration has chosen."""

    key: CalibrationKey
    tensors: Mapping[str, Scale]
    """By the name of the tensor in the ONNX file."""
    float_layers: Sequence[str] = ()
    """Names of all learned layers that TensorRT is to compute in floating point: the head, and what
    the accuracy gate sent back."""
    biases: Mapping[str, Sequence[float]] = {}
    """Layer -> [channels] its bias, when it becomes INT8 in TensorRT: what the rounding of weights
    takes from the mean of each sum is added. Layers that are not named keep theirs."""

    @property
    def amax(self) -> Dict[str, float]:
        """The clip of |x| of each tensor, by its name."""
        return {name: scale.amax for name, scale in self.tensors.items()}

    @property
    def calibration_id(self) -> str:
        """The SHA-256 of the key: which calibration this was."""
        text = json.dumps(key_to_json(self.key), sort_keys=True)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()


def load_scales(path: Path) -> Scales:
    """Return what a scales.json says. ModelError when it is missing or holds no scales."""
    try:
        return _scales_of(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        found = error.strerror or str(error)
        raise ModelError("scales in {}".format(path), found, "check the path") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        found = "a file that holds none ({})".format(error)
        fix = "delete {} to calibrate again".format(path)
        raise ModelError("scales in {}".format(path), found, fix) from error


def require_scales_of(scales: Scales, path: Path, model: Path, model_sha256: str) -> None:
    """Raise UsageError unless the scales in `path` were made for this very ONNX file: names of
    tensors are the same in many models, and their ranges are not.
    """
    found = scales.key.model_sha256
    if found == model_sha256:
        return
    raise UsageError(
        "scales of {} (SHA-256 {}...)".format(model, model_sha256[:_SHOWN_DIGITS]),
        "those of another model ({}...) in {}".format(found[:_SHOWN_DIGITS], path),
        "calibrate this one: edgedet export {} --int8 --data DATA".format(model.name),
    )


def scales_to_json(scales: Scales) -> Dict[str, Any]:
    """Return what scales.json holds, as JSON types."""
    tensors = {
        name: dict(zip(CLIP_FIELDS, (scale.amax, scale.clip.low, scale.clip.high)))
        for name, scale in scales.tensors.items()
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "key": key_to_json(scales.key),
        "tensors": tensors,
        "float_layers": list(scales.float_layers),
        "biases": {layer: list(bias) for layer, bias in scales.biases.items()},
    }


def key_to_json(key: CalibrationKey) -> Dict[str, Any]:
    """Return the key as JSON types."""
    return dict(key._asdict(), preprocessing=dict(key.preprocessing))


def key_from_json(values: Mapping[str, Any]) -> CalibrationKey:
    """Return the key that `key_to_json` wrote; ValueError for anything else."""
    fields = CalibrationKey._fields
    if not isinstance(values, Mapping) or set(values) != set(fields):
        raise ValueError("a calibration key with the fields {}".format(", ".join(fields)))
    key = CalibrationKey(**values)
    if not isinstance(key.preprocessing, Mapping):
        raise ValueError("a calibration key whose preprocessing is an object")
    return key


def _scales_of(content: Any) -> Scales:
    if content["schema_version"] != SCHEMA_VERSION:
        raise ValueError("schema version {}".format(content["schema_version"]))
    tensors = {name: _scale_of(name, fields) for name, fields in content["tensors"].items()}
    biases = {layer: _bias_of(layer, bias) for layer, bias in content["biases"].items()}
    return Scales(key_from_json(content["key"]), tensors, _names(content["float_layers"]), biases)


def _scale_of(name: str, fields: Mapping[str, Any]) -> Scale:
    amax, low, high = (float(fields[field]) for field in CLIP_FIELDS)
    if not (0 < amax < float("inf") and -amax <= low <= 0 <= high <= amax):
        raise ValueError("{}: amax {}, low {}, high {}".format(name, amax, low, high))
    return Scale(amax, Clip(low, high))


def _names(values: Any) -> Tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(name, str) for name in values):
        raise ValueError("float_layers that are no list of names")
    return tuple(values)


def _bias_of(layer: str, values: List[Any]) -> Tuple[float, ...]:
    bias = tuple(float(value) for value in values)
    if not bias or not all(abs(value) < float("inf") for value in bias):
        raise ValueError("{}: a bias that is not finite".format(layer))
    return bias
