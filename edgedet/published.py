"""The tables of the papers this project implements, as they were printed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from edgedet.nearest import unknown_name

Cell = str | int | float | bool | None

# Our builders -> the rows' names in the scale-aware SSD paper.
DETECTOR_ROWS: Mapping[str, tuple[str, ...]] = {
    "scale_aware_ssd": ("Custom_SSD_OG_pipeline", "Custom_SSD_custom_pipeline"),
    "ssd_mobilenetv2": ("SSD_MobileNetV2",),
    "faster_rcnn_r50_fpn": ("FRCNN_R50_FPN",),
    "faster_rcnn_r101_fpn": ("FRCNN_R101_FPN",),
    "retinanet_r50_fpn": ("Retina_R50",),
}
SPEED_TABLE = "ssd.T4"
ACCURACY_TABLE = "ssd.T3"


@dataclass(frozen=True)
class Column:
    """One column of a published table."""

    key: str
    unit: str
    kind: str
    """`param` = a setting, `metric` = a result."""
    higher_is_better: bool | None = None
    decimals: int | None = None


@dataclass(frozen=True)
class Table:
    """One published table. None = the paper does not say."""

    id: str
    paper: str
    number: str
    topic: str
    source: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Cell], ...]
    """Each row: column key -> printed value."""
    dataset: str | None = None
    split: str | None = None
    hardware: str | None = None
    setting: str | None = None
    paper_choice: Mapping[str, Cell] | None = None
    notes: tuple[str, ...] = ()
    """What the text adds to the table."""
    issues: tuple[str, ...] = ()
    """Where the paper contradicts itself."""

    def column(self, key: str) -> Column:
        """Return the column; raise UsageError naming the nearest key when there is none."""
        by_key = {column.key: column for column in self.columns}
        if key not in by_key:
            raise unknown_name(f"column of {self.id}", key, by_key)
        return by_key[key]

    def rows_where(self, key: str, *values: Cell) -> tuple[Mapping[str, Cell], ...]:
        """Return the rows whose `key` is one of `values`, in printed order."""
        self.column(key)
        return tuple(row for row in self.rows if row[key] in values)


@dataclass(frozen=True)
class PublishedRow:
    """A row together with the table that gives it meaning."""

    table: Table
    values: Mapping[str, Cell]


def published_tables() -> Mapping[str, Table]:
    """Return every table by its id, such as `ssd.T4`."""
    return _load()


def published_table(table_id: str) -> Table:
    """Return one table; raise UsageError naming the nearest id when there is none."""
    tables = _load()
    if table_id not in tables:
        raise unknown_name("published table", table_id, tables)
    return tables[table_id]


def rows_for(
    model_name: str, table_ids: tuple[str, ...] = (SPEED_TABLE, ACCURACY_TABLE)
) -> tuple[PublishedRow, ...]:
    """Return the published rows about the model of that builder name; () when it has none."""
    names = DETECTOR_ROWS.get(model_name, ())
    tables = [published_table(table_id) for table_id in table_ids]
    return tuple(
        PublishedRow(table, row) for table in tables for row in table.rows_where("detector", *names)
    )


@cache
def _load() -> Mapping[str, Table]:
    text = resources.files("edgedet").joinpath("paper_tables.json").read_text(encoding="utf-8")
    return {entry["id"]: _table(entry) for entry in json.loads(text)["tables"]}


def _table(entry: dict[str, Any]) -> Table:
    columns = tuple(Column(**column) for column in entry["columns"])
    keys = [column.key for column in columns]
    rows = tuple(dict(zip(keys, row, strict=True)) for row in entry["rows"])
    texts = {key: tuple(entry[key]) for key in ("notes", "issues")}
    return Table(**{**entry, **texts, "columns": columns, "rows": rows})
