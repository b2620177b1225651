"""The small JSON file beside a foreign model that says how it is used."""

import json
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Tuple

from ..atomic import atomic_path
from ..errors import ModelError
from ..nearest import nearest_name
from ..spec import ModelSpec, check_spec
from ..unicode_text import is_unicode
from .class_names import KNOWN_COUNTS, Given
from .families import FAMILIES

SCHEMA_VERSION = 1
MOST_BYTES = 1 << 20
MOST_CANDIDATES = 100000
CANDIDATES = 1000
"""Best pairs of box and class that are kept of an image before suppression."""
FIELDS = (
    "size_hw",
    "color",
    "resize",
    "pad_value",
    "mean",
    "std",
    "score_threshold",
    "nms_iou",
    "max_detections",
)
"""Of ModelSpec."""
GENERAL = ("schema_version", "family", "class_names", "outputs", "candidates")
_FIX = "change it, or remove the file and run: edgedet info MODEL --adapt"


class UserSpec(NamedTuple):
    """What the file says; None and {}: nothing of that."""

    family: Optional[str] = None
    class_names: Optional[Given] = None
    fields: Dict[str, Any] = {}
    """Of ModelSpec, lists as tuples."""
    candidates: Optional[int] = None
    roles: Dict[str, str] = {}
    """Name of an output of the graph by its role."""
    options: Dict[str, Any] = {}
    """Of the family."""


def read_spec_file(path: Path) -> UserSpec:
    """What the file says, an empty UserSpec without one. It is data: nothing of it is run.

    ModelError that names the field that is wrong, and for an unknown one the nearest known.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return UserSpec()
    except OSError as error:
        found = "{} ({})".format(path, error.strerror)
        raise ModelError("a spec file that can be read", found, "check its permissions") from error
    return _checked(path, _object_of(path, data))


def write_spec_file(path: Path, text: str) -> None:
    """Write the file, whole or not at all; UsageError for a place that cannot be written."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def _object_of(path: Path, data: bytes) -> Dict[str, Any]:
    if len(data) > MOST_BYTES:
        raise _wrong(path, "at most {} bytes".format(MOST_BYTES), str(len(data)))
    try:
        values = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _wrong(path, "JSON", str(error)) from error
    if not isinstance(values, dict):
        raise _wrong(path, "a JSON object", type(values).__name__)
    return values


def _checked(path: Path, values: Dict[str, Any]) -> UserSpec:
    version = values.get("schema_version")
    if version != SCHEMA_VERSION:
        found = "none" if version is None else repr(version)
        raise _wrong(path, "schema_version {}".format(SCHEMA_VERSION), found)
    family = values.get("family")
    if family is not None and (not isinstance(family, str) or family not in FAMILIES):
        close = nearest_name(str(family), FAMILIES)
        found = repr(family) + (": did you mean {!r}?".format(close) if close else "")
        raise _wrong(path, "family to be one of {}".format(", ".join(FAMILIES)), found)
    known = FAMILIES[family].options if family else {}
    _check_keys(path, values, GENERAL + FIELDS + tuple(known))
    options = {key: values[key] for key in known if key in values}
    for key, value in options.items():
        if not known[key].holds(value):
            raise _wrong(path, "{} to be {}".format(key, known[key].expected), repr(value))
    return UserSpec(
        family,
        _class_names(path, values.get("class_names")),
        _fields(path, values),
        _candidates(path, values.get("candidates")),
        _roles(path, values.get("outputs", {})),
        options,
    )


def _fields(path: Path, values: Dict[str, Any]) -> Dict[str, Any]:
    fields = {key: _untyped(values[key]) for key in FIELDS if key in values}
    try:
        check_spec(ModelSpec(class_names=("any",), size_hw=(1, 1))._replace(**fields))
    except ModelError as error:
        raise _wrong(path, error.expected, error.found) from error
    return fields


def _check_keys(path: Path, values: Dict[str, Any], known: Tuple[str, ...]) -> None:
    for key in values:
        if key in known:
            continue
        found = repr(key)
        elsewhere = [name for name, family in FAMILIES.items() if key in family.options]
        close = nearest_name(key, known)
        if elsewhere:
            found += ", which goes with family {}".format(" or ".join(elsewhere))
        elif close:
            found += ": did you mean {!r}?".format(close)
        raise _wrong(path, "keys out of {}".format(", ".join(known)), found)


def _class_names(path: Path, value: Any) -> Optional[Given]:
    if value is None or (isinstance(value, str) and value in KNOWN_COUNTS):
        return value
    named = isinstance(value, list) and all(
        isinstance(each, str) and each and is_unicode(each) for each in value
    )
    if not named or not 0 < len(value) == len(set(value)):
        expected = "class_names to be different names in a list, or {}".format(
            " or ".join(map(repr, sorted(KNOWN_COUNTS)))
        )
        raise _wrong(path, expected, _short(value))
    return tuple(value)


def _candidates(path: Path, value: Any) -> Optional[int]:
    if value is None or (type(value) is int and 0 < value <= MOST_CANDIDATES):
        return value
    expected = "candidates to be a whole number in 1..{}".format(MOST_CANDIDATES)
    raise _wrong(path, expected, _short(value))


def _roles(path: Path, value: Any) -> Dict[str, str]:
    known = ("table", "boxes", "scores", "labels")
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise _wrong(path, "outputs to be names of outputs by role", _short(value))
    if set(value) - set(known):
        raise _wrong(path, "outputs by {}".format(", ".join(known)), _short(sorted(value)))
    return value


def _untyped(value: Any) -> Any:
    """JSON knows no tuples."""
    return tuple(value) if isinstance(value, list) else value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _wrong(path: Path, expected: str, found: str) -> ModelError:
    return ModelError("{} in {}".format(expected, path), found, _FIX)
