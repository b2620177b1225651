"""The experiments of one document, as literals: which tables there are, and of which variants."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgedet.experiments.variant import Variant
from edgedet.nearest import unknown_name


@dataclass(frozen=True)
class Metric:
    """A number by which variants are compared."""

    key: str
    """Of a result: ap, ap50 or ap75, in [0, 1]."""
    title: str
    printed: str | None = None
    """Column of the printed table, in percent."""
    printed_deviation: str | None = None


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
    published: str | None = None
    """Id of the printed table."""
    footnotes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Study:
    """All tables of one document."""

    name: str
    title: str
    model: str
    """The detector of the document: what the base recipe is meant for unless it says so."""
    tables: tuple[Comparison, ...]
    footnotes: tuple[str, ...] = ()
    """Errata that concern every table."""

    def choose(self, names: Sequence[str]) -> tuple[Comparison, ...]:
        """Return the tables of those names, in the study's order; all for no name.

        Raises UsageError naming the nearest table for a name that is none.
        """
        known = [table.name for table in self.tables]
        for name in names:
            if name not in known:
                raise unknown_name(f"table of {self.name}", name, known)
        return tuple(table for table in self.tables if not names or table.name in names)


def chosen_variants(tables: Sequence[Comparison], names: Sequence[str]) -> tuple[Variant, ...]:
    """Return the variants of `tables`, each once, restricted to `names` unless there is none.

    Raises UsageError naming the nearest variant for a name that is none.
    """
    known = {variant.name: variant for table in tables for variant in table.variants}
    for name in names:
        if name not in known:
            raise unknown_name("variant of these tables", name, known)
    return tuple(variant for name, variant in known.items() if not names or name in names)
