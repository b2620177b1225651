"""Findings about classes: which there are, and how many objects they have."""

from collections.abc import Sequence

from edgedet.checks.parts import Part
from edgedet.checks.report import Finding, Kind, Place, counted

FEW = 10
"""Objects below which a class is neither learnt nor measured with any certainty."""
DIFFERENT = Kind("class-mismatch", "error", "give every split the same classes in the same order")
ABSENT = Kind("absent-class", "warning", "label such objects, split anew, or drop the class")
RARE = Kind("rare-class", "warning", "label more of it, split anew, or merge it with another class")


def different_classes(parts: Sequence[Part]) -> list[Finding]:
    """Return that the class lists of the splits differ in names or order."""
    lists = {part.split: part.stated.class_names for part in parts}
    if len(set(lists.values())) < 2:
        return []
    reordered = len({frozenset(names) for names in lists.values()}) == 1
    how = "in another order" if reordered else "by different names"
    what = f"{' and '.join(lists)} list classes {how}"
    places = [
        Place(str(part.stated.source), f"{part.split}: {', '.join(part.stated.class_names)}")
        for part in parts
    ]
    return DIFFERENT.found(what, places)


def absent_classes(parts: Sequence[Part]) -> list[Finding]:
    """Return classes without an object in a split."""
    hits = _with_objects(parts, 0, 0)
    what = f"{_classes(hits)} without an object in a split"
    return ABSENT.found(what, [place for _, place in hits], len(dict(hits)))


def rare_classes(parts: Sequence[Part]) -> list[Finding]:
    """Return classes with 1 to 9 objects in a split."""
    hits = _with_objects(parts, 1, FEW - 1)
    what = f"{_classes(hits)} with less than {FEW} objects in a split"
    return RARE.found(what, [place for _, place in hits], len(dict(hits)))


def _classes(hits: Sequence[tuple[str, Place]]) -> str:
    return counted(len(dict(hits)), "class")


def _with_objects(parts: Sequence[Part], least: int, most: int) -> list[tuple[str, Place]]:
    return [
        (name, Place(str(part.stated.source), f"{part.split}: {name} {number}"))
        for part in parts
        for name, number in part.summary().objects.items()
        if least <= number <= most
    ]
