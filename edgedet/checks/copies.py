"""Findings about the same pixels twice: in one split, or in two that must not share any."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from edgedet.checks.parts import Part
from edgedet.checks.pictures import Picture
from edgedet.checks.report import Finding, Kind, Place, counted

TWICE = Kind(
    "duplicate-image", "warning", "keep one of each: copies count double, and labels may differ"
)
SHARED = Kind(
    "shared-image", "error", "keep each image in one split only: what is measured was learnt"
)


class Copy(NamedTuple):
    """One mention of an image in a split."""

    split: str
    path: Path
    picture: Picture


def copies_of(parts: Sequence[Part], pictures: Mapping[Path, Picture]) -> dict[str, list[Copy]]:
    """Return the mentions of every image that could be decoded, by the sha256 of its pixels."""
    found: dict[str, list[Copy]] = {}
    for part in parts:
        for image in part.stated.images:
            if image.path in pictures:
                copy = Copy(part.split, image.path, pictures[image.path])
                found.setdefault(copy.picture.pixels_sha256, []).append(copy)
    return found


def duplicates(copies: Mapping[str, Sequence[Copy]]) -> list[Finding]:
    """Return images that have the pixels of an earlier one of their split."""
    places = [
        _place(second, first)
        for group in copies.values()
        for first, second in pairwise(group)
        if first.split == second.split
    ]
    return TWICE.found(f"{counted(len(places), 'image')} equal to another of the split", places)


def shared(copies: Mapping[str, Sequence[Copy]]) -> list[Finding]:
    """Return images that have the pixels of one in an earlier split."""
    places = [
        _place(copy, group[0])
        for group in copies.values()
        for copy in group
        if copy.split != group[0].split
    ]
    return SHARED.found(f"{counted(len(places), 'image')} equal to one of another split", places)


def _place(copy: Copy, original: Copy) -> Place:
    same = "file" if copy.picture.file_sha256 == original.picture.file_sha256 else "pixels"
    if copy.path == original.path:
        return Place(str(copy.path), f"{copy.split}, listed in {original.split} as well")
    return Place(
        str(copy.path), f"{copy.split}, same {same} as {original.path.name} in {original.split}"
    )
