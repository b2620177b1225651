"""The experiments of one document, as literals: which tables there are, and of which variants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgedet.experiments.variant import Variant
from edgedet.nearest import unknown_name
from edgedet.recipe import Recipe

if TYPE_CHECKING:
    from edgedet.experiments.scene import Scene
    from edgedet.experiments.sheet import Sheet


@dataclass(frozen=True)
class Metric:
    """A number by which variants are compared."""

    key: str
    """Of a result: ap, ap50 or ap75, in [0, 1]."""
    title: str
    printed: str | None = None
    """Column of the printed table, in percent."""
    printed_deviation: str | None = None
    printed_best: str | None = None
    """Column with the best of the paper's runs; ours is then told too."""


@dataclass(frozen=True)
class Fact:
    """A column that needs no training."""

    title: str
    of: Callable[[Recipe], str]
    """From a variant's recipe to the text of its cell."""
    printed: str | None = None
    """Column of the printed table."""


@dataclass(frozen=True)
class Comparison:
    """A table whose rows are trained."""

    name: str
    """As `--tables` takes it."""
    title: str
    variants: tuple[Variant, ...]
    metrics: tuple[Metric, ...]
    reference: str
    """Name of the variant that the others are compared with."""
    facts: tuple[Fact, ...] = ()
    footnotes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Computed:
    """A table that is computed or measured, not trained."""

    name: str
    title: str
    make: Callable[[Scene], Sheet]
    variants: tuple[Variant, ...] = ()
    """Whose recipes it wants to know."""


@dataclass(frozen=True)
class Study:
    """All tables of one document."""

    name: str
    model: str
    """The detector of the document: what the base recipe is meant for unless it says so."""
    tables: tuple[Comparison | Computed, ...]
    usual: tuple[str, ...]
    """The tables that are made when none is named."""
    footnotes: tuple[str, ...] = ()
    """What is true of every trained table."""

    def choose(self, names: Sequence[str]) -> tuple[Comparison | Computed, ...]:
        """Return the tables of those names, in the study's order; the usual ones for no name.

        Raises UsageError naming the nearest table for a name that is none.
        """
        known = [table.name for table in self.tables]
        for name in names:
            if name not in known:
                raise unknown_name(f"table of {self.name}", name, known)
        return tuple(table for table in self.tables if table.name in (names or self.usual))


def trained_variants(
    tables: Sequence[Comparison | Computed], names: Sequence[str]
) -> tuple[Variant, ...]:
    """Return the variants that `tables` train, each once, restricted to `names` if there are any.

    Raises UsageError naming the nearest variant for a name that is none.
    """
    trained = [table for table in tables if isinstance(table, Comparison)]
    known = {variant.name: variant for table in trained for variant in table.variants}
    for name in names:
        if name not in known:
            raise unknown_name("variant of these tables", name, known)
    return tuple(variant for name, variant in known.items() if not names or name in names)
