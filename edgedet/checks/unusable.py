"""Findings about what cannot be used at all: what the readers of labels and images refuse."""

from collections.abc import Sequence

from edgedet.checks.report import Finding, Kind, Place, counted
from edgedet.data.faults import FaultError
from edgedet.runtime.errors import DataError

KINDS = {
    "missing-image": ("image", "named by labels but not there", "restore it or remove its labels"),
    "corrupt-image": ("image", "that cannot be decoded", "replace it or remove it and its labels"),
    "wrong-size": (
        "image",
        "of another size than its labels say",
        "label it again or restore the image that was labelled",
    ),
    "unreadable-labels": ("label file", "that cannot be read", "restore or export it again"),
    "wrong-record": ("label", "that is not as its format wants it", "correct or delete it"),
    "unknown-class": (
        "label",
        "of a class that is not listed",
        "add the class or delete the label",
    ),
    "unknown-image": (
        "label",
        "of an image that is not listed",
        "list the image or delete the label",
    ),
    "corners-not-widths": (
        "label file",
        "whose boxes hold corners where widths belong",
        "read it with bbox_mode=xyxy or write true widths and heights",
    ),
    "box-without-area": ("box", "without width or height", "correct or delete it"),
    "box-outside": ("box", "wholly outside its image", "correct or delete it"),
}
"""Code of a fault to (what is counted, what is wrong with it, what to do)."""
TOLD_BY_PLACE = ("missing-image", "corrupt-image", "box-without-area", "box-outside")
"""Codes whose places need no value that was found to be understood."""


def unusable(faults: Sequence[FaultError]) -> list[Finding]:
    """Return one error for each kind of fault, in the order of `KINDS`."""
    findings = []
    for code, (noun, wrong, fix) in KINDS.items():
        places = [_place(fault) for fault in faults if fault.where.code == code]
        places = list(dict.fromkeys(places))
        what = f"{counted(len(places), noun)} {wrong}"
        findings += Kind(code, "error", fix).found(what, places)
    return findings


def unreadable_split(split: str, source: str, error: DataError) -> list[Finding]:
    """Return the error that nothing of a split could be read, for the reason in `error`."""
    what = f"the {split} split cannot be read: expected {error.expected}, found {error.found}"
    return Kind("unreadable-split", "error", error.fix).found(what, [Place(source, split)])


def _place(fault: FaultError) -> Place:
    where = fault.where
    if where.code in TOLD_BY_PLACE:
        return Place(str(where.file), where.place)
    return Place(str(where.file), ", ".join(filter(None, (where.place, f"found {fault.found}"))))
