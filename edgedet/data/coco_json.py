"""A COCO JSON file as checked records: every field that is read later is there and usable."""

import functools
import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from edgedet.data.faults import Complain, FaultError, Where, noting, refuse
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
    """The three sections of one file, without what was complained about."""

    path: Path
    images: list[Record]
    annotations: list[Record]
    categories: list[Record]
    names: list[str]
    """How to find each annotation in the file: "annotation 7", "annotations[3]"."""


Load = Callable[[Path], CocoJson]
"""From a file to its sections."""


def coco_loader(complain: Complain = refuse) -> Load:
    """Return a `load_coco_json` that reads each file once, however often it is asked for."""
    return functools.cache(lambda path: load_coco_json(path, complain))


def load_coco_json(path: Path, complain: Complain = refuse) -> CocoJson:
    """Read and check a file; errors name it, and the line or record that is wrong.

    `complain` is told of each image and annotation that cannot be used. `DataError` for anything
    else: broken JSON, a missing section, wrong categories.
    """
    document = _document(path)
    listed = _entries(document, "images", path)
    unique = [_unique("id"), _unique("name")]
    categories = _passing(_entries(document, "categories", path), unique, refuse)
    images = _passing(listed, [_unique("id")], complain)
    known = [
        _known("image_id", "unknown-image", _ids(listed)),
        _known("category_id", "unknown-class", _ids(categories)),
    ]
    annotations = _passing(_entries(document, "annotations", path), known, complain)
    # What belongs to an image that was complained about is no fault of its own.
    kept = _ids(images)
    usable = [entry for entry in annotations if entry.record["image_id"] in kept]
    return CocoJson(
        path,
        [entry.record for entry in images],
        [entry.record for entry in usable],
        [entry.record for entry in categories],
        [entry.name for entry in usable],
    )


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


class _Entry(NamedTuple):
    # One record where it stands; what it is has not been checked yet.
    path: Path
    section: str
    place: int
    record: Any

    @property
    def name(self) -> str:
        known = self.section == "annotations" and isinstance(self.record, dict)
        if known and "id" in self.record:
            return f"annotation {self.record['id']}"
        return f"{self.section}[{self.place}]"

    def fault(self, code: str, expected: str, found: str) -> FaultError:
        short = found if len(found) <= 80 else found[:77] + "..."
        where = f"{self.section}[{self.place}].{expected} in {self.path}"
        return FaultError(Where(code, self.path, self.name), where, short, "correct that record")


_Demand = Callable[[_Entry], None]
"""Raises a `FaultError` when an entry does not meet it."""


def _entries(document: Record, section: str, path: Path) -> list[_Entry]:
    records = document.get(section)
    if not isinstance(records, list):
        raise _broken(path, f"no list {section!r}")
    return [_Entry(path, section, place, record) for place, record in enumerate(records)]


def _passing(
    entries: Sequence[_Entry], demands: Sequence[_Demand], complain: Complain
) -> list[_Entry]:
    passing = []
    for entry in entries:
        with noting(complain):
            for demand in (_check_fields, *demands):
                demand(entry)
            passing.append(entry)
    return passing


def _check_fields(entry: _Entry) -> None:
    for field, (expected, holds) in FIELDS[entry.section].items():
        value = entry.record.get(field) if isinstance(entry.record, dict) else entry.record
        if not holds(value):
            raise entry.fault("wrong-record", f"{field} to be {expected}", repr(value))


def _unique(field: str) -> _Demand:
    seen = set()

    def demand(entry: _Entry) -> None:
        value = entry.record[field]
        if value in seen:
            raise entry.fault("wrong-record", f"{field} to be used once", f"{value!r} again")
        seen.add(value)

    return demand


def _known(field: str, code: str, ids: Collection[int | str]) -> _Demand:
    def demand(entry: _Entry) -> None:
        if entry.record[field] not in ids:
            raise entry.fault(code, f"{field} to be a listed id", repr(entry.record[field]))

    return demand


def _ids(entries: Sequence[_Entry]) -> set[int | str]:
    records = (entry.record for entry in entries if isinstance(entry.record, dict))
    return {record["id"] for record in records if _is_key(record.get("id"))}
