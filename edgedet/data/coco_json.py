"""A COCO JSON file as checked records: every field that is read later is there and usable."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from edgedet.runtime.errors import DataError

Record = dict[str, Any]
_Check = Callable[[Any], bool]


def _is_key(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_four_numbers(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != 4:
        return False
    return all(isinstance(number, int | float) for number in value)


FIELDS: dict[str, dict[str, tuple[str, _Check]]] = {
    "images": {
        "id": ("a number or text", _is_key),
        "file_name": ("a file name", _is_text),
    },
    "annotations": {
        "image_id": ("the id of an image", _is_key),
        "category_id": ("the id of a category", _is_int),
        "bbox": ("a list of four numbers", _is_four_numbers),
    },
    "categories": {"id": ("a whole number", _is_int), "name": ("a name", _is_text)},
}
"""Section to field to (what it has to be, whether a value is that)."""


class CocoJson(NamedTuple):
    """The three sections of one file."""

    path: Path
    images: list[Record]
    annotations: list[Record]
    categories: list[Record]


def load_coco_json(path: Path) -> CocoJson:
    """Read and check a file; `DataError` names it, and the line or record that is wrong."""
    document = _document(path)
    sections = CocoJson(path, *(_section(document, name, path) for name in FIELDS))
    _check_unique(sections.images, "images", "id", path)
    _check_unique(sections.categories, "categories", "id", path)
    _check_unique(sections.categories, "categories", "name", path)
    _check_references(sections)
    return sections


def _document(path: Path) -> Record:
    try:
        document = json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise _broken(path, f"{error.msg} at {where}, is the file cut off?") from None
    except (UnicodeDecodeError, RecursionError) as error:
        raise _broken(path, str(error)) from None
    except OSError as error:
        raise _broken(path, str(error.strerror)) from None
    if not isinstance(document, dict):
        raise _broken(path, f"a {type(document).__name__}, not an object with images")
    return document


def _broken(path: Path, found: str) -> DataError:
    return DataError(f"COCO JSON in {path}", found, "restore or export the file again")


def _section(document: Record, name: str, path: Path) -> list[Record]:
    records = document.get(name)
    if not isinstance(records, list):
        raise _broken(path, f"no list {name!r}")
    for place, record in enumerate(records):
        for field, (expected, holds) in FIELDS[name].items():
            value = record.get(field) if isinstance(record, dict) else record
            if not holds(value):
                raise _wrong(path, f"{name}[{place}].{field} to be {expected}", repr(value))
    return records


def _check_unique(records: list[Record], section: str, field: str, path: Path) -> None:
    seen = set()
    for place, record in enumerate(records):
        if record[field] in seen:
            found = f"{record[field]!r} again"
            raise _wrong(path, f"{section}[{place}].{field} to be used once", found)
        seen.add(record[field])


def _check_references(sections: CocoJson) -> None:
    known = {
        "image_id": {image["id"] for image in sections.images},
        "category_id": {category["id"] for category in sections.categories},
    }
    for place, annotation in enumerate(sections.annotations):
        for field, ids in known.items():
            if annotation[field] not in ids:
                expected = f"annotations[{place}].{field} to be a listed id"
                raise _wrong(sections.path, expected, repr(annotation[field]))


def _wrong(path: Path, expected: str, found: str) -> DataError:
    short = found if len(found) <= 80 else found[:77] + "..."
    return DataError(f"{expected} in {path}", short, "correct that record")
