"""What goes into a model and what comes out of it: the contract that each artefact carries."""

import json
import math
from typing import Any, Callable, Dict, NamedTuple, Tuple

from .errors import ModelError
from .unicode_text import is_unicode

SPEC_KEY = "edgedet.spec"
"""Key of the spec in ONNX ``metadata_props``."""
SCHEMA_VERSION = 1
"""Version of the JSON form; a reader refuses any other."""

TASKS = ("detection",)
COLORS = ("RGB", "BGR")
RESIZES = ("stretch", "letterbox", "letterbox_top_left")
LAYOUTS = {"float32": ("NCHW", "NHWC"), "uint8": ("NHWC",)}
"""Layouts of the graph's input by its dtype: the forms that preprocessing makes."""
OUTPUTS = ("boxes_scores_labels",)
MIXED = "int8+float16"
"""Precision in the provenance of a graph in INT8 that has FP16 around it."""

_FIX = "export the model again with `edgedet export`"


class ModelSpec(NamedTuple):
    """The contract of one model. Build it with keywords; change it with ``_replace``.

    ``class_names``: the name of label 0, 1, ...; no background.
    ``size_hw``: height and width of the graph's input in pixels.
    ``color``: channel order that the graph's input expects. Frames are BGR everywhere else.
    ``resize``: ``stretch`` to size_hw, or ``letterbox``: keep the aspect, centre, and fill the
    rest with ``pad_value`` (0..255); ``letterbox_top_left`` fills right and below only.
    ``mean``, ``std``: of pixel/255, in ``color`` order. With a ``float32`` input the host
    applies (pixel/255 - mean)/std; with a ``uint8`` input the graph does, and these two say what
    it applies.
    ``input_dtype``, ``input_layout``: float32 NCHW or NHWC, or uint8 NHWC.
    ``output``: what the graph returns; ``boxes_scores_labels`` is boxes_xyxy [N,K,4] in input
    pixels, scores [N,K] descending, labels [N,K].
    ``score_threshold``, ``nms_iou`` (0..1), ``max_detections``: defaults of postprocessing.
    ``provenance``: free text by name: versions, hashes, licence of the data.
    """

    class_names: Tuple[str, ...]
    size_hw: Tuple[int, int]
    task: str = "detection"
    color: str = "RGB"
    resize: str = "stretch"
    pad_value: int = 114
    mean: Tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: Tuple[float, float, float] = (1.0, 1.0, 1.0)
    input_dtype: str = "float32"
    input_layout: str = "NCHW"
    output: str = "boxes_scores_labels"
    score_threshold: float = 0.25
    nms_iou: float = 0.5
    max_detections: int = 300
    # One dict shared by all specs that give none: it is replaced (`_replace`), never filled.
    provenance: Dict[str, str] = {}


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_fraction(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _are_numbers(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 3 and all(_is_number(v) for v in value)


def _are_names(value: Any) -> bool:
    named = isinstance(value, tuple) and all(
        isinstance(v, str) and v and is_unicode(v) for v in value
    )
    return named and 0 < len(value) == len(set(value))


def _is_size(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(_is_int(v) and v > 0 for v in value)


def _is_text_by_name(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(text, str) for item in value.items() for text in item
    )


_CHECKS: Tuple[Tuple[str, str, Callable[[Any], bool]], ...] = (
    ("class_names", "different, non-empty names", _are_names),
    ("size_hw", "a height and a width in pixels", _is_size),
    ("task", "one of {}".format(TASKS), TASKS.__contains__),
    ("color", "one of {}".format(COLORS), COLORS.__contains__),
    ("resize", "one of {}".format(RESIZES), RESIZES.__contains__),
    ("pad_value", "an integer in 0..255", lambda v: _is_int(v) and 0 <= v <= 255),
    ("mean", "three numbers", _are_numbers),
    ("std", "three numbers above 0", lambda v: _are_numbers(v) and min(v) > 0),
    ("input_dtype", "one of {}".format(tuple(LAYOUTS)), tuple(LAYOUTS).__contains__),
    ("output", "one of {}".format(OUTPUTS), OUTPUTS.__contains__),
    ("score_threshold", "a number in 0..1", _is_fraction),
    ("nms_iou", "a number in 0..1", _is_fraction),
    ("max_detections", "an integer above 0", lambda v: _is_int(v) and v > 0),
    ("provenance", "text by name", _is_text_by_name),
)


def check_spec(spec: ModelSpec) -> None:
    """Raise ModelError that names the first field of ``spec`` that is wrong."""
    for field, expected, holds in _CHECKS:
        value = getattr(spec, field)
        if not holds(value):
            raise ModelError("{} to be {}".format(field, expected), repr(value), _FIX)
    layouts = LAYOUTS[spec.input_dtype]
    if spec.input_layout not in layouts:
        expected = "input_layout {} for a {} input".format(" or ".join(layouts), spec.input_dtype)
        raise ModelError(expected, repr(spec.input_layout), _FIX)


def spec_to_json(spec: ModelSpec) -> str:
    """The spec as one JSON object with its schema version; ModelError when a field is wrong.

    >>> text = spec_to_json(ModelSpec(class_names=("car",), size_hw=(512, 512)))
    >>> spec_from_json(text).class_names
    ('car',)
    """
    check_spec(spec)
    values: Dict[str, Any] = {"schema_version": SCHEMA_VERSION}
    values.update(spec._asdict())
    return json.dumps(values, sort_keys=True)


def spec_from_json(text: str) -> ModelSpec:
    """The spec that `spec_to_json` wrote; ModelError for anything else."""
    values = _object_of(text)
    version = values.pop("schema_version", None)
    if version != SCHEMA_VERSION:
        expected = "a model spec of schema version {}".format(SCHEMA_VERSION)
        raise ModelError(expected, "version {!r}".format(version), _FIX)
    different = sorted(set(values) ^ set(ModelSpec._fields))
    if different:
        found = "missing or unknown: {}".format(", ".join(different))
        raise ModelError("a model spec with its own fields", found, _FIX)
    spec = ModelSpec(**{name: _untyped(value) for name, value in values.items()})
    check_spec(spec)
    return _with_floats(spec)


def _object_of(text: str) -> Dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError("a model spec in JSON", str(error), _FIX) from error
    if not isinstance(values, dict):
        raise ModelError("a JSON object as model spec", type(values).__name__, _FIX)
    return values


def _untyped(value: Any) -> Any:
    """JSON knows no tuples."""
    return tuple(value) if isinstance(value, list) else value


def _with_floats(spec: ModelSpec) -> ModelSpec:
    """JSON writers may print 0.0 as 0."""
    return spec._replace(
        mean=_three_floats(spec.mean),
        std=_three_floats(spec.std),
        score_threshold=float(spec.score_threshold),
        nms_iou=float(spec.nms_iou),
    )


def _three_floats(values: Tuple[float, float, float]) -> Tuple[float, float, float]:
    first, second, third = values
    return float(first), float(second), float(third)
