"""A recipe as a YAML file: its keys are the fields of a frozen record, checked by their types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import yaml

from edgedet.nearest import unknown_name
from edgedet.runtime.errors import UsageError

Spelling = Callable[[str], str]
"""How the user writes a field: as a flag where there is one."""


def recipe_key(name: str) -> str:
    """Return how the user writes a field that has no flag."""
    return f"recipe key {name}"


def read_yaml(path: Path) -> dict[Any, Any]:
    """Return the `key: value` lines of a file; UsageError when it holds something else."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError as error:
        found = error.strerror or "No such file"
        raise UsageError(f"{path} to be a YAML file", found, "check the path") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        found = _trouble(error)
        raise UsageError(f"{path} to be a YAML file", found, "correct the file") from error
    if not isinstance(values, dict):
        found = f"one of type {type(values).__name__}"
        raise UsageError(f"{path} to hold `key: value` lines", found, "correct it")
    return values


def _trouble(error: Exception) -> str:
    """Return what is wrong and in which line; not the line, which may hold a password."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem or 'no YAML'} in line {error.problem_mark.line + 1}"
    return " ".join(str(error).split())


def checked(
    record: type, values: Mapping[Any, Any], spelling: Spelling = recipe_key
) -> dict[str, Any]:
    """Return the values as the types of the record's fields.

    Raises UsageError that names the nearest field for an unknown one, and for a wrong type.
    """
    types = get_type_hints(record)
    for name in values:
        if name not in types:
            raise unknown_name("recipe key", str(name), types)
    return {name: _as_type(spelling(name), value, types[name]) for name, value in values.items()}


def as_plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` with tuples turned into lists at any depth: what YAML and JSON know."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, list | tuple) else value

    return {key: plain(value) for key, value in values.items()}


def _as_type(name: str, value: Any, wanted: Any) -> Any:
    if get_origin(wanted) is UnionType:  # `int | None`
        if value is None:
            return None
        (wanted,) = (each for each in get_args(wanted) if each is not NoneType)
    if get_origin(wanted) is tuple and isinstance(value, list | tuple):
        return tuple(_as_type(name, item, get_args(wanted)[0]) for item in value)
    origin = get_origin(wanted) or wanted
    if origin is float:
        value = _as_float(value)
    if origin is str and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # `precision: 32`
    if isinstance(value, origin) and not (isinstance(value, bool) and origin is not bool):
        return value
    expected = "a list" if origin is tuple else f"of type {origin.__name__}"
    raise UsageError(f"{name} to be {expected}", repr(value), "correct the value")


def _as_float(value: Any) -> Any:
    """YAML 1.1 reads `1e-4` as text and `1` as an integer."""
    if isinstance(value, bool):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return value
