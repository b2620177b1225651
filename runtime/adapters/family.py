"""What every family of foreign detectors is to the rest of this package."""

from typing import TYPE_CHECKING, Any, Callable, Dict, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ..candidates import Candidates

if TYPE_CHECKING:
    from numpy.typing import NDArray

Decode = Callable[[Sequence[Any]], Candidates]
"""Takes the outputs in the order of `Found.outputs`; gives at most K candidates of one image."""


class Evidence(NamedTuple):
    """What is known of a model: its answer to one picture, and what its user wrote down."""

    size_hw: Tuple[int, int]
    """Of the input."""
    outputs: "Dict[str, NDArray[Any]]"
    """By name, floats as float32, in the graph's order."""
    classes: Optional[int] = None
    """How many names of classes are known; None: none are."""
    options: Dict[str, Any] = {}
    """Of the family, from the spec file."""
    roles: Dict[str, str] = {}
    """Name of an output by its role, from the spec file."""


class Found(NamedTuple):
    """How a family reads a model."""

    outputs: Dict[str, str]
    """Name by role, in the order in which `Decode` takes them."""
    classes: Optional[int]
    """How many the outputs tell apart; None: they do not say."""
    options: Dict[str, Any]
    """All that decoding needs besides."""
    told: Tuple[str, ...] = ()
    """What its answer shows, for people."""
    assumed: Tuple[str, ...] = ()
    """What its answer does not show, unless the spec file says it."""
    preprocessing: Dict[str, Any] = {}
    """Fields of ModelSpec in place of the family's."""


class Option(NamedTuple):
    """One setting of a family in the spec file."""

    expected: str
    """For people."""
    holds: Callable[[Any], bool]


class Family(NamedTuple):
    """One way of giving boxes."""

    name: str
    """In the spec file."""
    form: str
    """Its outputs, for people."""
    preprocessing: Dict[str, Any]
    """Fields of ModelSpec as its published models have them."""
    options: Dict[str, Option]
    recognise: Callable[[Evidence], Optional[Found]]
    decoder: Callable[[Found, Tuple[int, int], int], Decode]
    """From (found, size_hw of the input, K)."""


def among(*values: Any) -> Option:
    """An option that is one of these."""
    return Option("one of {}".format(", ".join(map(repr, values))), lambda v: v in values)


def strides_option() -> Option:
    """Input pixels per cell of each level."""
    return Option("a list of whole numbers above 0", are_whole_numbers)


def are_whole_numbers(value: Any) -> bool:
    """Whether it is a list of integers above 0, and not empty."""
    return (
        isinstance(value, (list, tuple))
        and bool(value)
        and all(type(each) is int and each > 0 for each in value)
    )


def as_table(array: "NDArray[Any]") -> "Optional[NDArray[Any]]":
    """[1,rows,columns] or [rows,columns] as [rows,columns]; None for another form."""
    if array.ndim == 3 and array.shape[0] == 1:
        return array[0]  # type: ignore[no-any-return]
    return array if array.ndim == 2 else None


def only_table(evidence: Evidence) -> "Optional[Tuple[str, NDArray[Any]]]":
    """Name and rows of the one output that is a table; None without, or with several.

    Outputs with more axes are feature maps, which some exports give away as well.
    """
    if "table" in evidence.roles:
        name = evidence.roles["table"]
        table = as_table(evidence.outputs[name])
        return None if table is None else (name, table)
    small = {name: value for name, value in evidence.outputs.items() if value.ndim <= 3}
    if len(small) != 1:
        return None
    name, value = small.popitem()
    table = as_table(value)
    return None if table is None else (name, table)


def table_and_scores(
    evidence: Evidence,
) -> "Optional[Tuple[Dict[str, str], NDArray[Any], NDArray[Any]]]":
    """Names by role, boxes [n,4] and scores [n,classes] of the two outputs; None for others."""
    tables = {name: as_table(value) for name, value in evidence.outputs.items()}
    names = _two_names(evidence, tables)
    if names is None:
        return None
    boxes, scores = (tables[name] for name in names)
    if boxes is None or scores is None or boxes.shape[1] != 4 or len(boxes) != len(scores):
        return None
    return {"boxes": names[0], "scores": names[1]}, boxes, scores


def _two_names(evidence: Evidence, tables: Dict[str, Any]) -> Optional[Tuple[str, str]]:
    if {"boxes", "scores"} <= set(evidence.roles):
        return evidence.roles["boxes"], evidence.roles["scores"]
    if len(tables) != 2 or any(table is None for table in tables.values()):
        return None
    four = [name for name, table in tables.items() if table.shape[1] == 4]
    if len(four) == 2:  # of four classes: only the names can tell
        four = [name for name in four if "box" in name.lower() or "loc" in name.lower()]
    if len(four) != 1:
        return None
    other = next(name for name in tables if name != four[0])
    return four[0], other


def centred_to_corners(centres_sizes: "NDArray[np.floating]") -> "NDArray[np.floating]":
    """Boxes [n,4] of centre x, y, width and height as left, top, right, bottom."""
    half = centres_sizes[:, 2:4] / 2
    centres = centres_sizes[:, :2]
    return np.concatenate([centres - half, centres + half], axis=1)


def sides_of(size_hw: Tuple[int, int]) -> "NDArray[np.float32]":
    """Width, height, width, height: what fractions are of."""
    return np.array([size_hw[1], size_hw[0]] * 2, np.float32)
