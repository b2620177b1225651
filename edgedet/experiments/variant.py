"""One way of training that an experiment compares with others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgedet.published import Cell, published_table
from edgedet.training.labelled import Labelled


class NotRunError(Exception):
    """Why a variant cannot be run on this data; the text stands in its row of the table."""


@dataclass(frozen=True)
class Subject:
    """What a variant may look at before it says how it is trained."""

    labelled: Labelled
    imgsz: int
    """Side of the network's input in px."""
    weights: str = "imagenet"
    """What the trunks start from, as the base recipe says."""
    pretrained: Path | None = None
    """A checkpoint of a detector of other objects."""
    folder: Path = Path()
    """Where files may be left that a recipe then names."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the model, in the base recipe."""

    @property
    def fixed(self) -> dict[str, Any]:
        """What a fit to the objects has to keep to, where the base recipe says so."""
        return {key: self.options[key] for key in ("trunk", "resize") if key in self.options}

    @property
    def classes(self) -> int:
        """How many classes the data has."""
        return len(self.labelled.train.class_names)


Changes = Mapping[str, Any]
"""Recipe keys, `model_options` among them."""


@dataclass(frozen=True)
class Printed:
    """Where the paper prints a row: the row of `table` whose `column` holds `value`."""

    table: str
    column: str
    value: Any

    def row(self) -> Mapping[str, Cell]:
        """Return the printed row; UsageError for a table or column that is not there."""
        found = published_table(self.table).rows_where(self.column, self.value)
        assert len(found) == 1, f"{len(found)} rows of {self.table} for {self.value}"
        return found[0]


@dataclass(frozen=True)
class Variant:
    """A named model with the settings in which it departs from the base recipe."""

    name: str
    """As `--variants` takes it; the same name in two tables is the same training."""
    title: str
    """Its row's first cell."""
    model: str
    changes: Changes | Callable[[Subject], Changes] = field(default_factory=dict)
    """Laid over the base recipe. A function raises NotRunError where the variant makes no sense."""
    printed: Printed | None = None
    note: str = ""
    """What the reader of its row has to know."""
    recorded: bool = False
    """Ask the function once for each data set and keep its answer in the store: what it works
    out may change with a release, and a finished run is to stay the same."""

    def changes_for(self, subject: Subject) -> dict[str, Any]:
        """Return the settings for this data; raises NotRunError, or EdgedetError as it fails."""
        return dict(self.changes(subject) if callable(self.changes) else self.changes)
