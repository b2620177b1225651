"""Findings about images that look nearly the same."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgedet.checks.copies import Copy
from edgedet.checks.groups import linked_groups
from edgedet.checks.likeness import correlations, near_pairs
from edgedet.checks.report import Finding, Kind, Place, counted
from edgedet.data.opening import SPLITS

MIN_CORRELATION = 0.95
"""Thumbnails of images that look alike correlate at least so much. Measured: photographs of
different orchard rows, blood smears and tomato plants stay below 0.86 whatever their hashes, and
below 0.76 where these are close; frames of one aerial video lie above 0.9, and photographs written
again smaller, brighter, in grey or with strong compression above 0.95."""
ALIKE = Kind("near-duplicate-image", "note", "thin them out: they add time more than knowledge")
LEAKING = Kind(
    "near-shared-image", "warning", "split by scene or sequence: what is measured was nearly learnt"
)


class Twins(NamedTuple):
    """Images that look alike but do not have the same pixels."""

    copies: list[Copy]
    """One mention of each image in each split."""
    pairs: NDArray[np.int64]
    """[n, 2] places in `copies`."""


def twins_among(copies: Mapping[str, Sequence[Copy]]) -> Twins:
    """Return the pairs that look alike, of the mentions `copies` by the sha256 of their pixels."""
    listed = [copy for group in copies.values() for copy in _one_a_split(group)]
    if not listed:
        return Twins([], np.empty((0, 2), np.int64))
    hashes = np.stack([copy.picture.hash for copy in listed])
    thumbnails = np.stack([copy.picture.thumbnail for copy in listed])
    blocks = [
        pairs[correlations(thumbnails, pairs) >= MIN_CORRELATION] for pairs in near_pairs(hashes)
    ]
    # The same pixels in two splits are a finding of their own.
    owners = np.repeat(np.arange(len(copies)), [len(_one_a_split(g)) for g in copies.values()])
    found = np.concatenate(blocks)
    return Twins(listed, found[owners[found[:, 0]] != owners[found[:, 1]]])


def _one_a_split(group: Sequence[Copy]) -> list[Copy]:
    return list({copy.split: copy for copy in reversed(group)}.values())


def near_duplicates(twins: Twins) -> list[Finding]:
    """Return the groups of images of one split that look alike."""
    copies = twins.copies
    inside = [(a, b) for a, b in twins.pairs.tolist() if copies[a].split == copies[b].split]
    groups = linked_groups(inside)
    number = sum(map(len, groups))
    told = f"{counted(number, 'image')} nearly like another of the split"
    places = [_group_place([copies[member] for member in group]) for group in groups]
    return ALIKE.found(f"{told}, in {counted(len(groups), 'group')}", places, number)


def near_shared(twins: Twins) -> list[Finding]:
    """Return the images that look like one of an earlier split."""
    places: dict[tuple[str, Path], Place] = {}
    for pair in twins.pairs.tolist():
        first, second = sorted((twins.copies[at] for at in pair), key=_rank)
        if first.split != second.split:
            where = f"{second.split}, like {first.path.name} in {first.split}"
            places.setdefault((second.split, second.path), Place(str(second.path), where))
    what = f"{counted(len(places), 'image')} nearly like one of another split"
    return LEAKING.found(what, list(places.values()))


def _rank(copy: Copy) -> int:
    return SPLITS.index(copy.split)


def _group_place(group: Sequence[Copy]) -> Place:
    more = f" and {len(group) - 2} more" if len(group) > 2 else ""
    first, second = group[:2]
    return Place(str(first.path), f"{first.split}, like {second.path.name}{more}")
